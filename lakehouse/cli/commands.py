"""The command line: arguments in, one answer out, and the exit codes 0 done, 1 failed, 2 refused."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click

from lakehouse import __version__
from lakehouse.catalog import Catalog, load
from lakehouse.cli import show
from lakehouse.errors import BadInput, LakehouseError, NoSpace
from lakehouse.months import MonthRange, checked_month
from lakehouse.stop import Stopped, stoppable
from lakehouse.storage.paths import why_no_path
from lakehouse.storage.place import Place, place
from lakehouse.storage.s3 import of_store

Command = TypeVar("Command", bound=Callable[..., Any])
Wait = Callable[[str], None] | None


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def apply(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return apply


class _Path(click.ParamType):
    """A file or folder of this machine, whether it is there or not."""

    name = "path"

    def convert(self, value: Any, param: Any, ctx: Any) -> Path:
        why = why_no_path(str(value))
        if why:
            self.fail(f"{value!r} {why}", param, ctx)
        return Path(value)


class _Datamart(_Path):
    """A folder of this machine, or a prefix of an object store."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        where = place(value)
        return where if where.bucket else place(super().convert(value, param, ctx))


_DATA = click.option(
    "--data", type=_Path(), default=Path("data"), show_default=True,
    help="Folder of the raw CSV files.",
)  # fmt: skip
_DATAMART = click.option(
    "--datamart", type=_Datamart(), default="datamart", show_default=True,
    help="Folder of the Delta tables, or s3a://bucket/prefix.",
)  # fmt: skip
_ENGINE = _options(
    click.option(
        "--engine", type=click.Choice(["auto", "embedded", "spark"]), default="auto",
        envvar="LAKEHOUSE_ENGINE", show_default=True,
        help="What computes; auto is embedded below 4 GiB of raw files, or 1 with less than 8 GiB of memory. "
        "Also LAKEHOUSE_ENGINE.",
    ),
    click.option(
        "--master", envvar="SPARK_MASTER", help="Spark master, as spark://host:7077; means --engine spark."
    ),
)  # fmt: skip
_SHOWN_OF_RECEIPT = (
    "training_set_id",
    "release",
    "row_count",
    "content_hash",
    "left_out",
    "engine",
)
_ENGINE_LOST = (
    "the process of the Spark engine is gone, killed or out of memory; nothing is half done, the next "
    "run goes on from here; --engine embedded needs less"
)
_NO_SPACE = (
    "no space left on the disk of the datamart, or of the file to write; free some and start again, "
    "nothing is half done"
)
_UNREADABLE = (
    "a table cannot be read; python main.py doctor --deep says which, and what to do; --debug shows "
    "all of it"
)
_STOPPED = "stopped; nothing is half done, the next run goes on from here"
# What a training set is asked by; the names are those of its options.
_ASKED = ("groups", "features", "label_def", "first_month", "last_month", "spine")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
_DEBUG = click.option("--debug", is_flag=True, help="Show the traceback of an error.")
_COMMON = _options(_DATA, _DATAMART, _ENGINE, _JSON, _DEBUG)


class _Month(click.ParamType):
    name = "YYYY-MM"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        try:
            return checked_month(str(value))
        except BadInput as refused:
            self.fail(str(refused), param, ctx)


class _Names(click.ParamType):
    name = "A,B,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        names = value.split(",") if isinstance(value, str) else value
        return tuple(name.strip() for name in names if name.strip())


# Gives what tells for whom it waits; None where it is not to wait.
_WAIT = click.option(
    "--wait", is_flag=True, callback=lambda _context, _option, wait: show.note if wait else None,
    help="Where another run is at work, wait until it has ended.",
)  # fmt: skip
_SELECTION = _options(
    click.option("--through", type=_Month(), help="Take raw rows up to this month only."),
    click.option("--month", type=_Month(), help="Take raw rows of this month only."),
    click.option("--by-month", is_flag=True, help="Make one release a month."),
    click.option("--full-refresh", is_flag=True, help="Recompute every month of every table."),
    click.option(
        "--max-bad", type=click.FloatRange(0, 1), default=0.2, show_default=True,
        help="Refuse a file with a larger share of bad rows.",
    ),
)  # fmt: skip


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(
    __version__, "--version", prog_name="lakehouse", message="%(prog)s %(version)s"
)
def cli() -> None:
    """A feature lakehouse: raw CSVs to bronze, silver and gold Delta tables, month after month.

    Without a command it does `run`: everything that is pending.
    """


@cli.command()
@_SELECTION
@click.option(
    "--repair",
    is_flag=True,
    help="First take what doctor --deep finds lost out of the tables; it is made anew.",
)
@_WAIT
@_COMMON
def run(as_json: bool, **given: Any) -> None:
    """Ingest and refresh what changed, and publish a release."""
    from lakehouse.run.run import run as run_job

    with show.progress(quiet=as_json) as on_progress:
        report = run_job(_job(given, on_progress))
    show.answer(as_json, show.report_as_json(report), lambda: show.report(report))


@cli.command()
@_SELECTION
@_COMMON
def plan(as_json: bool, **given: Any) -> None:
    """Show what run would do, table by table, and why; change nothing."""
    from lakehouse.run.run import plan as plan_job

    steps = plan_job(_job(given, show.silent))
    rows = [{"table": s.table.full_name, "pending": s.pending, "reason": s.reason} for s in steps]
    show.answer(as_json, rows, lambda: show.plan(rows))


@cli.command()
@_COMMON
def status(as_json: bool, datamart: Place, **_: Any) -> None:
    """Show what is there: tables, rows, months, versions."""
    from lakehouse.releases.inspect import status as inspect_status

    rows = inspect_status(datamart, load())
    show.answer(as_json, rows, lambda: show.rows("Tables", rows))


@cli.command()
@click.argument("table", required=False)
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=20,
    show_default=True,
    help="Newest versions to show.",
)
@_COMMON
def history(as_json: bool, datamart: Place, table: str | None, limit: int, **_: Any) -> None:
    """Show the versions of TABLE (as gold.label_store), or of every table."""
    from lakehouse.releases.inspect import history as inspect_history

    rows = inspect_history(datamart, load(), table, limit)
    show.answer(as_json, rows, lambda: show.rows("Versions, newest first", rows))


@cli.command()
@_COMMON
def releases(as_json: bool, datamart: Place, **_: Any) -> None:
    """Show every release: the runs that changed something, and what they left."""
    from lakehouse.releases.inspect import releases as inspect_releases

    found = inspect_releases(datamart, load())
    show.answer(as_json, found, lambda: show.releases(found))


@cli.command()
@click.argument("old", metavar="R1", type=int)
@click.argument("new", metavar="R2", type=int)
@click.argument("table", required=False)
@click.option("--keys", is_flag=True, help="List the rows that differ, with each changed cell.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=20,
    show_default=True,
    help="Rows a table that --keys lists.",
)
@_COMMON
def diff(
    as_json: bool,
    old: int,
    new: int,
    table: str | None,
    keys: bool,
    limit: int,
    datamart: Place,
    engine: str,
    master: str | None,
    **_: Any,
) -> None:
    """Show the rows added, changed and removed between two releases, of TABLE or table by table."""
    from lakehouse.releases.diff import diff as diff_releases
    from lakehouse.releases.inspect import existing_log

    catalog = load()
    log = existing_log(datamart, catalog)
    found = diff_releases(
        log,
        catalog,
        old,
        new,
        lambda: _store(log, engine, master),
        table,
        limit if keys else 0,
    )
    title = f"Release {old} to release {new}"
    told = [each.as_json() if keys else each.counts for each in found]
    show.answer(as_json, told, lambda: show.diff(title, found))


@cli.command("training-set")
@click.option(
    "--out",
    type=_Path(),
    help="Parquet file to write; its metadata names the set.",
)
@click.option(
    "--release", type=click.IntRange(1), help="As known at this release; else the newest."
)
@click.option("--from", "first_month", type=_Month(), help="First month of application.")
@click.option("--to", "last_month", type=_Month(), help="Last month of application.")
@click.option("--label-def", help="Definition of the label, as 30dpd_6mob (the default).")
@click.option("--groups", type=_Names(), default=(), help="Feature groups to take; else all.")
@click.option(
    "--features", type=_Names(), default=(), help="Features to take; else all of the groups."
)
@click.option(
    "--spine",
    type=_Path(),
    help="CSV or Parquet of customer_id and application_date to score, instead of labelled loans.",
)
@click.option(
    "--reproduce", metavar="ID", help="Build the training set of that id again, and compare."
)
@_COMMON
def training_set(
    as_json: bool,
    datamart: Place,
    engine: str,
    master: str | None,
    out: Path | None,
    release: int | None,
    reproduce: str | None,
    **given: Any,
) -> None:
    """Build the point-in-time training set: labelled loans with the features known on their day.

    Prints its id, which --reproduce takes to build the same content again, whatever ran since.
    """
    from lakehouse.training import build as training_build
    from lakehouse.training.sets import Asked, prepare

    given = {name: given[name] for name in _ASKED}
    if reproduce and (release or any(given.values())):
        raise BadInput("--reproduce takes everything from the receipt; leave out the other choices")
    if not reproduce and out is None:
        raise BadInput("training-set needs --out FILE.parquet to write to")
    months = MonthRange.checked(given.pop("first_month"), given.pop("last_month"))
    asked = Asked(**given, months=months)
    with show.progress(quiet=as_json) as on_progress:
        on_progress("training set", "computing", ())
        store, catalog, row = _at_release(datamart, engine, master, release)
        if reproduce:
            made = training_build.reproduce(store, catalog, reproduce, out)
        else:
            made = training_build.build(prepare(store, catalog, row, asked), store, out)
    show.answer(as_json, made, lambda: show.training_set(made, out, bool(reproduce)))


@cli.command("training-sets")
@_COMMON
def training_sets(as_json: bool, datamart: Place, **_: Any) -> None:
    """Show the receipt of every training set ever built."""
    from lakehouse.releases.inspect import existing_log
    from lakehouse.training.receipts import receipts

    found = receipts(existing_log(datamart, load()))
    show.answer(as_json, found, lambda: show.training_sets(found))


@cli.command()
@click.option("--customer", metavar="ID", required=True, help="The person to erase, as CUS_0x1069.")
@click.option("--dry-run", is_flag=True, help="Show what would be erased; change nothing.")
@_WAIT
@_COMMON
def erase(
    as_json: bool, data: Path, datamart: Place, customer: str, dry_run: bool, wait: Wait, **_: Any
) -> None:
    """Erase a person from all tables, their history and the quarantine; keep a receipt without the person.

    Everybody else's rows can be read at every release as before.
    """
    from lakehouse.upkeep.erase import erase as erase_customer

    erased = erase_customer(datamart, data, load(), customer, dry_run, wait)
    show.answer(as_json, erased, lambda: show.erased(erased))


@cli.command()
@click.option("--release", type=click.IntRange(1), help="The release to audit; else the newest.")
@click.option(
    "--cut",
    type=_Month(),
    help="Month after which the replays cut the raw rows off; else the middle month of application.",
)
@_COMMON
def audit(
    as_json: bool,
    datamart: Place,
    engine: str,
    master: str | None,
    release: int | None,
    cut: str | None,
    **_: Any,
) -> None:
    """Look for leaks of the future: rebuild from less, trace the plans, test by number.

    Exit code 1 if anything leaks.
    """
    from lakehouse.audit.audit import audit as audit_release

    store, catalog, row = _at_release(datamart, engine, master, release)
    with show.progress(quiet=as_json) as on_progress:
        checks = audit_release(
            store,
            catalog,
            row,
            cut,
            lambda doing: on_progress("audit", doing, ()),
        )
    rows = [{**asdict(check), "passed": check.passed} for check in checks]
    show.answer(as_json, rows, lambda: show.audit(checks))
    if not all(check.passed for check in checks):
        raise SystemExit(1)


@cli.command()
@click.option(
    "--release", type=click.IntRange(1), help="As known at this release; else the newest."
)
@click.option(
    "--out",
    type=_Path(),
    default=Path("model_report"),
    show_default=True,
    help="Folder of the report: index.html, model.json, plots.",
)
@_COMMON
def model(
    as_json: bool,
    datamart: Place,
    engine: str,
    master: str | None,
    release: int | None,
    out: Path,
    **_: Any,
) -> None:
    """Check the features by a model: train on early applications, test on the latest three months."""
    from lakehouse.model.report import write_report
    from lakehouse.model.sample import sampled
    from lakehouse.model.sanity import assess
    from lakehouse.training.build import build
    from lakehouse.training.sets import Asked, prepare

    with show.progress(quiet=as_json) as on_progress:
        on_progress("model", "computing the training set", ())
        store, catalog, row = _at_release(datamart, engine, master, release)
        training_set = prepare(store, catalog, row, Asked())
        receipt = asdict(build(training_set, store))
        assessment = assess(
            sampled(training_set.frame),
            {name: receipt[name] for name in _SHOWN_OF_RECEIPT},
            on_progress=lambda text: on_progress("model", text, ()),
        )
        write_report(assessment, out)
    show.answer(as_json, assessment.as_json(), lambda: show.model(assessment, out))


@cli.command()
@_WAIT
@_COMMON
def optimize(
    as_json: bool, wait: Wait, datamart: Place, engine: str, master: str | None, **_: Any
) -> None:
    """Write small files of a month together, table by table; no row changes."""
    from lakehouse.upkeep.optimize import optimize as optimize_tables

    with show.progress(quiet=as_json) as on_progress:
        done = optimize_tables(
            datamart,
            load(),
            lambda log: _store(log, engine, master),
            on_progress,
            wait,
        )
    show.answer(as_json, done, lambda: show.optimized(done))


@cli.command()
@click.option(
    "--keep-releases",
    type=click.IntRange(1),
    default=12,
    show_default=True,
    help="Newest releases to keep; training sets with a receipt are kept beside them.",
)
@click.option(
    "--dry-run", is_flag=True, help="Tell what would go and what is held; change nothing."
)
@_WAIT
@_COMMON
def vacuum(
    as_json: bool, wait: Wait, datamart: Place, keep_releases: int, dry_run: bool, **_: Any
) -> None:
    """Give up old releases, and delete the files that no kept release and no training set needs."""
    from lakehouse.upkeep.vacuum import vacuum as vacuum_tables

    with show.progress(quiet=as_json) as on_progress:
        done = vacuum_tables(datamart, load(), keep_releases, dry_run, on_progress, wait)
    show.answer(as_json, done, lambda: show.vacuumed(done))


@cli.command()
@click.argument("table", required=False)
@_JSON
@_DEBUG
def dictionary(as_json: bool, table: str | None, **_: Any) -> None:
    """Print the data dictionary as Markdown, out of the declarations; of TABLE, or of all."""
    from lakehouse.exports.dictionary import entries, markdown

    catalog = load()
    tables = (catalog.table(table),) if table else catalog.tables
    show.answer(as_json, entries(tables), lambda: click.echo(markdown(tables)))


@cli.command()
@click.option(
    "--customers",
    type=click.IntRange(1),
    default=1500,
    show_default=True,
    help="Customers, a loan each.",
)
@click.option(
    "--months",
    type=click.IntRange(1),
    default=24,
    show_default=True,
    help="Months of clickstream, from 2023-01.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=7,
    show_default=True,
    help="The same seed gives the same bytes.",
)
@click.option(
    "--out",
    type=_Path(),
    required=True,
    help="Folder to write the CSV files to.",
)
@_JSON
@_DEBUG
def generate(as_json: bool, customers: int, months: int, seed: int, out: Path, **_: Any) -> None:
    """Write synthetic raw CSV files: the form, dirt and signal of the real ones, nobody's data."""
    from lakehouse.generate.generate import generate as generate_files

    with show.progress(quiet=as_json or not show.on_terminal()) as on_progress:
        rows = generate_files(
            out, customers, months, seed, lambda file, n: on_progress(file, f"{n:,} rows", ())
        )
    files = [{"file": str(out / name), "rows": n} for name, n in rows.items()]
    show.answer(as_json, files, lambda: show.rows("Generated", files))


@cli.command()
@click.option(
    "--repo-url",
    metavar="URL",
    help="Link for Readme.txt; else that of the git remote, origin first.",
)
@click.option(
    "--out",
    type=_Path(),
    required=True,
    help="Zip file to write, as submission.zip.",
)
@_COMMON
def package(as_json: bool, repo_url: str | None, out: Path, data: Path, **_: Any) -> None:
    """Write the hand-in zip: code, Docker files, raw files, notebooks as they are, the repository's link.

    The same input gives the same bytes. No datamart goes in.
    """
    from lakehouse.exports.package import package as write_package

    made = write_package(out, data, repo_url)
    show.answer(as_json, made, lambda: show.package(made))


@cli.command()
@click.option(
    "--deep",
    is_flag=True,
    help="Read every data file too: which table no longer is what its release says.",
)
@_COMMON
def doctor(as_json: bool, deep: bool, data: Path, datamart: Place, **_: Any) -> None:
    """Check Python, engines, Java, Delta's jars, disk and rights: what is missing, how to get it."""
    from lakehouse.upkeep.doctor import examine

    rows = examine(data, datamart)
    if deep:
        from lakehouse.storage.log import Log
        from lakehouse.upkeep.verify import examine_tables

        rows += examine_tables(Log(datamart), load())
    show.answer(as_json, rows, lambda: show.rows("Doctor", rows))
    if any(row["state"] in ("missing", "damaged") for row in rows):
        raise SystemExit(1)


def _store(log: Any, engine: str, master: str | None) -> Any:
    """An engine on a datamart, whatever the size of its raw files."""
    from lakehouse.engines.choose import choose, open_store

    return open_store(choose(engine, master, 0, show.note), log, master)


def _at_release(
    datamart: Place, engine: str, master: str | None, number: int | None
) -> tuple[Any, Catalog, Any]:
    """An engine on a datamart, the catalog, and the release of that number, else the newest."""
    from lakehouse.releases import published
    from lakehouse.releases.inspect import existing_log
    from lakehouse.releases.readable import check_kept

    catalog = load()
    log = existing_log(datamart, catalog)
    # Looked up first: a release that is not there starts no engine.
    release = published.release(log, number) if number else published.newest(log)
    check_kept(log, release)
    return _store(log, engine, master), catalog, release


def _job(given: dict[str, Any], on_progress: Any) -> Any:
    from lakehouse.engines.choose import choose, open_store
    from lakehouse.run.job import Job
    from lakehouse.run.plan import Request

    if given["through"] and given["month"]:
        raise BadInput("--through and --month exclude each other; give one of them")
    if not 0 <= given["max_bad"] <= 1:
        raise BadInput("--max-bad takes a share from 0 to 1, as 0.2")
    scope = MonthRange(given["month"], given["month"] or given["through"])
    catalog: Catalog = load()
    return Job(
        data=given["data"],
        datamart=given["datamart"],
        catalog=catalog,
        request=Request(
            scope, given["by_month"], given["full_refresh"], given.get("repair", False)
        ),
        max_bad=given["max_bad"],
        open_store=lambda log, raw: open_store(
            choose(given["engine"], given["master"], raw.held, show.note),
            log,
            given["master"],
            raw.at_work,
        ),
        on_progress=on_progress,
        wait=given.get("wait"),
    )


def main(argv: list[str]) -> int:
    """Run the command line; the exit code."""
    # Options alone are those of `run`; any other first word is a command, or a mistyped one.
    if not argv or (argv[0].startswith("-") and argv[0] not in ("-h", "--help", "--version")):
        argv = ["run", *argv]
    try:
        # Not cli.main: it takes every stop for Ctrl-C, and prints an empty line.
        with stoppable(), cli.make_context("main.py", argv) as context:
            cli.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        return _fail(error.format_message(), 2, "--debug" in argv)
    except LakehouseError as error:
        is_told = isinstance(error, NoSpace) or not _is_disk_full(error.__cause__)
        return _fail(str(error) if is_told else _NO_SPACE, error.exit_code, "--debug" in argv)
    except Stopped as stop:
        return _fail(_STOPPED, stop.exit_code, "--debug" in argv)
    except BrokenPipeError:
        # The reader of a pipe has left (`| head`): no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except _unreadable() as error:
        return _fail(_NO_SPACE if _is_disk_full(error) else _UNREADABLE, 1, "--debug" in argv)
    except _engine_losses():
        return _fail(_ENGINE_LOST, 1, "--debug" in argv)
    except OSError as error:
        return _fail(_told_of_system(error), 1, "--debug" in argv)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _told_of_system(error: OSError) -> str:
    return of_store(str(error)) or f"{error.strerror or error}: {error.filename or ''}"


def _is_disk_full(error: BaseException | None) -> bool:
    from lakehouse.run.failures import is_disk_full

    return is_disk_full(error)


def _unreadable() -> tuple[type[Exception], ...]:
    from deltalake.exceptions import DeltaError
    from pyarrow import ArrowException

    return DeltaError, ArrowException


def _engine_losses() -> tuple[type[Exception], ...]:
    from lakehouse.engines.choose import engine_losses

    return engine_losses()


def _fail(message: str, code: int, debug: bool) -> int:
    if debug:
        print(show.plain(traceback.format_exc()), file=sys.stderr)
    one_line = " ".join(message.split())
    print(show.plain(f"error: {one_line}"), file=sys.stderr)
    return code

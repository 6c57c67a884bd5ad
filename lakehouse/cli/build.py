"""Commands that make data: run, plan, generate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lakehouse.cli import options, show
from lakehouse.cli.command import command
from lakehouse.cli.common import Common, common
from lakehouse.cli.confirm import check_confirmed
from lakehouse.errors import BadInput
from lakehouse.months import MonthRange
from lakehouse.progress import Progress, Wait, silent

if TYPE_CHECKING:
    from lakehouse.generate.inbox import Format
    from lakehouse.run.job import Job
    from lakehouse.table import DeliveryMode


@dataclass(frozen=True)
class RawRows:
    """The raw rows that a run takes, and how it takes them."""

    through: str | None = None
    month: str | None = None
    by_month: bool = False
    full_refresh: bool = False
    max_bad: float = 0.2
    max_null: float | None = None
    delivery: DeliveryMode | None = None
    date_order: str | None = None
    verify: bool = False


def _raw_rows(command: options.Command) -> options.Command:
    """Give the command the options about raw rows, as one value `raw_rows`."""

    @wraps(command)
    def called(
        through: str | None,
        month: str | None,
        by_month: bool,
        full_refresh: bool,
        max_bad: float,
        max_null: float | None,
        delivery: DeliveryMode | None,
        date_order: str | None,
        verify: bool,
        **own: object,
    ) -> None:
        raw_rows = RawRows(
            through, month, by_month, full_refresh, max_bad, max_null, delivery, date_order, verify
        )
        command(raw_rows=raw_rows, **own)

    return options.together(
        click.option(
            "--through", type=options.Month(), help="Take only raw rows up to this month."
        ),
        click.option("--month", type=options.Month(), help="Take only raw rows of this month."),
        click.option("--by-month", is_flag=True, help="Make one release per month."),
        click.option("--full-refresh", is_flag=True, help="Recompute every month of every table."),
        click.option(
            "--max-bad",
            type=click.FloatRange(0, 1),
            default=0.2,
            show_default=True,
            help="Refuse a file with a larger share of bad rows.",
        ),
        click.option(
            "--max-null",
            type=click.FloatRange(0, 1),
            help="Refuse a file if a larger share of a column's cells would become NULL. Else the limits "
            "are 0.2, and three times the share of the months before.",
        ),
        click.option(
            "--delivery",
            type=click.Choice(["months", "rows"]),
            help="What the files are: complete for each month they contain (months), or rows to add "
            "or correct (rows). Else as declared, months.",
        ),
        options.DATE_ORDER,
        click.option(
            "--verify",
            is_flag=True,
            help="Read every file to see whether it changed, not only its size and times.",
        ),
    )(called)


@command("run", "run --through 2024-06", "run --by-month")
@_raw_rows
@click.option(
    "--repair",
    is_flag=True,
    help="First take what doctor --deep finds damaged out of the tables; it is made again.",
)
@click.option(
    "--allow-shrink",
    is_flag=True,
    help="Delete rows that a file no longer has, however many of a month.",
)
@click.option("--strict", is_flag=True, help="Take nothing if any file is refused.")
@click.option(
    "--publish-good",
    is_flag=True,
    help="Publish a release of what is whole, although files are refused.",
)
@click.option(
    "--clock-is-right",
    is_flag=True,
    help="Go on although releases seem to be from the future: the clock was wrong when they were made.",
)
@options.YES
@options.WAIT
@common(options.DATA, options.DATAMART, options.ENGINE)
def run(
    common: Common,
    raw_rows: RawRows,
    repair: bool,
    allow_shrink: bool,
    strict: bool,
    publish_good: bool,
    clock_is_right: bool,
    yes: bool,
    wait: Wait,
) -> None:
    """Ingest and refresh what changed, and publish a release.

    A refused file does not keep the others from being taken. But then no release is published, and the exit
    code is 2.
    A repair that would give up rows of the ledger names them and asks first.
    """
    from lakehouse.run.refused import told_held_back
    from lakehouse.run.run import run as run_job

    if strict and publish_good:
        raise BadInput("--strict and --publish-good exclude each other; give one of them")

    def before_loss(lost: Sequence[str]) -> None:
        named = f"would give up {', '.join(lost)}"
        check_confirmed(
            "run --repair", yes, lambda: show.note(f"run --repair {named}"), named, "doctor --deep"
        )

    # A line that moves would write over the question.
    may_ask = repair and not yes and show.on_terminal()
    with show.progress(quiet=common.as_json or may_ask) as on_progress:
        job = raw_job(common, raw_rows, on_progress, repair, allow_shrink, wait)
        request = replace(job.request, strict=strict, publish_good=publish_good)
        asked = replace(
            job, request=request, clock_is_right=clock_is_right, before_loss=before_loss
        )
        report = run_job(replace(asked, on_done=on_progress.done))
    show.answer(common.as_json, show.report_as_json(report), lambda: show.report(report))
    if report.refused:
        raise BadInput(told_held_back(report.refused, report.raw_files, bool(report.published)))


@command("plan", "plan --through 2024-06")
@_raw_rows
@common(options.DATA, options.DATAMART)
def plan(common: Common, raw_rows: RawRows) -> None:
    """Show what run would do for each table, and why.

    It changes nothing. Raw files that the run would read are read, and a file that it would refuse is
    refused in the same words. Only an engine can count cells that become NULL and months that would shrink,
    so only run refuses these.
    """
    from lakehouse.run.run import plan as plan_job

    steps = plan_job(raw_job(common, raw_rows, silent))
    rows = [
        {"table": s.table.full_name, "pending": s.pending, "reason": s.reason or s.absent}
        for s in steps
    ]
    show.answer(common.as_json, rows, lambda: show.plan(steps))


def raw_job(
    common: Common,
    raw_rows: RawRows,
    on_progress: Progress,
    repair: bool = False,
    allow_shrink: bool = False,
    wait: Wait = None,
) -> Job:
    from lakehouse.run.job import Job
    from lakehouse.run.plan import Request

    if raw_rows.through and raw_rows.month:
        raise BadInput("--through and --month exclude each other; give one of them")
    # Click lets NaN through.
    for option, share in (("--max-bad", raw_rows.max_bad), ("--max-null", raw_rows.max_null)):
        if share is not None and not 0 <= share <= 1:
            raise BadInput(f"{option} takes a share from 0 to 1, as 0.2")
    months = MonthRange(raw_rows.month, raw_rows.month or raw_rows.through)
    return Job(
        data=common.data,
        datamart=common.datamart,
        request=Request(
            months,
            raw_rows.by_month,
            raw_rows.full_refresh,
            repair,
            raw_rows.delivery,
            allow_shrink,
            raw_rows.date_order,
            raw_rows.verify,
        ),
        max_bad=raw_rows.max_bad,
        max_null=raw_rows.max_null,
        open_store=lambda datamart, raw: common.store(datamart, raw.held, raw.at_work),
        prepare=lambda raw: common.prepare(raw.held),
        on_progress=on_progress,
        wait=wait,
    )


@command("generate --customers 100 --months 6 --out raw", "generate --by-month --late --out inbox")
@click.option(
    "--customers",
    type=click.IntRange(1),
    default=1500,
    show_default=True,
    help="Number of customers; each has one loan.",
)
@click.option(
    "--months",
    type=click.IntRange(1),
    default=24,
    show_default=True,
    help="Months of clickstream, from 2023-01 on.",
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
    type=options.LocalPath(),
    required=True,
    help="Folder to write the files to.",
)
@click.option("--force", is_flag=True, help="Replace files that are there and differ.")
@click.option(
    "--by-month",
    is_flag=True,
    help="Write an inbox: a folder per source, and in it a file per month. It has the same rows.",
)
@click.option(
    "--late", is_flag=True, help="Let 2 rows in 100 come with the file of the month after."
)
@click.option(
    "--corrected",
    type=options.Month(),
    help="Let 2 rows in 100 of this month be wrong, and write a second file that corrects them.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "gz", "zst", "parquet", "mixed"]),
    help="The form of the inbox's files; mixed takes turns. Else csv.",
)
@options.hidden(options.TABLES)
@options.JSON
@options.DEBUG
def generate(
    tables: str | None,
    as_json: bool,
    customers: int,
    months: int,
    seed: int,
    out: Path,
    force: bool,
    by_month: bool,
    late: bool,
    corrected: str | None,
    form: Format | None,
) -> None:
    """Write synthetic raw files, which are nobody's data.

    They have the form, dirt and signal of the real ones. Files that are there and differ stay, unless
    --force is given.
    """
    from lakehouse.bank import chosen
    from lakehouse.generate import Inbox
    from lakehouse.generate import generate as generate_files

    if not (bank := chosen(tables)).is_shipped:
        raise BadInput(
            f"generate writes raw files of the shipped bank, and none of {bank.name}; --tables "
            "lakehouse writes them"
        )

    of_inbox = {"--late": late, "--corrected": corrected, "--format": form}
    for option, given in of_inbox.items():
        if given and not by_month:
            raise BadInput(f"{option} is of an inbox; give --by-month as well")
    inbox = Inbox(late, corrected, form or "csv") if by_month else None
    with show.progress(quiet=as_json or not show.on_terminal()) as on_progress:
        rows = generate_files(out, customers, months, seed, on_progress, force, inbox)
    files = [{"file": str(out / name), "rows": n} for name, n in rows.items()]
    show.answer(as_json, files, lambda: show.generated(rows, out))


COMMANDS = (run, plan, generate)

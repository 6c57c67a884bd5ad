"""Commands that make data: run, plan, generate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lakehouse.cli import options, show
from lakehouse.cli.common import Common, common
from lakehouse.errors import BadInput
from lakehouse.months import MonthRange
from lakehouse.progress import Progress, Wait, silent
from lakehouse.table import DeliveryMode

if TYPE_CHECKING:
    from lakehouse.run.job import Job


@dataclass(frozen=True)
class RawRows:
    """The raw rows that a run takes, and how it takes them."""

    through: str | None
    month: str | None
    by_month: bool
    full_refresh: bool
    max_bad: float
    max_null: float
    delivery: DeliveryMode | None
    date_order: str | None


def _raw_rows(command: options.Command) -> options.Command:
    """Give the command the options about raw rows, as one value `raw_rows`."""

    @wraps(command)
    def called(
        through: str | None,
        month: str | None,
        by_month: bool,
        full_refresh: bool,
        max_bad: float,
        max_null: float,
        delivery: DeliveryMode | None,
        date_order: str | None,
        **own: object,
    ) -> None:
        raw_rows = RawRows(
            through, month, by_month, full_refresh, max_bad, max_null, delivery, date_order
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
            default=0.2,
            show_default=True,
            help="Refuse a file if a larger share of a column's cells would become NULL.",
        ),
        click.option(
            "--delivery",
            type=click.Choice(["months", "rows"]),
            help="What the files are: complete for each month they contain (months), or rows to add "
            "or correct (rows). Else as declared, months.",
        ),
        options.DATE_ORDER,
    )(called)


@click.command()
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
@options.WAIT
@common
def run(common: Common, raw_rows: RawRows, repair: bool, allow_shrink: bool, wait: Wait) -> None:
    """Ingest and refresh what changed, and publish a release."""
    from lakehouse.run.run import run as run_job

    with show.progress(quiet=common.as_json) as on_progress:
        report = run_job(_job(common, raw_rows, on_progress, repair, allow_shrink, wait))
    show.answer(common.as_json, show.report_as_json(report), lambda: show.report(report))


@click.command()
@_raw_rows
@common
def plan(common: Common, raw_rows: RawRows) -> None:
    """Show what run would do for each table, and why; change nothing."""
    from lakehouse.run.run import plan as plan_job

    steps = plan_job(_job(common, raw_rows, silent))
    rows = [{"table": s.table.full_name, "pending": s.pending, "reason": s.reason} for s in steps]
    show.answer(common.as_json, rows, lambda: show.plan(steps))


def _job(
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
    if not 0 <= raw_rows.max_bad <= 1:
        raise BadInput("--max-bad takes a share from 0 to 1, as 0.2")
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
        ),
        max_bad=raw_rows.max_bad,
        max_null=raw_rows.max_null,
        open_store=lambda datamart, raw: common.store(datamart, raw.held, raw.at_work),
        on_progress=on_progress,
        wait=wait,
    )


@click.command()
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
    help="Folder to write the CSV files to.",
)
@click.option("--force", is_flag=True, help="Replace files that are there and differ.")
@options.JSON
@options.DEBUG
def generate(as_json: bool, customers: int, months: int, seed: int, out: Path, force: bool) -> None:
    """Write synthetic raw CSV files: the form, dirt and signal of the real ones, nobody's data.

    Files that are there and differ stay, unless --force is given.
    """
    from lakehouse.generate import generate as generate_files

    with show.progress(quiet=as_json or not show.on_terminal()) as on_progress:
        rows = generate_files(out, customers, months, seed, on_progress, force)
    files = [{"file": str(out / name), "rows": n} for name, n in rows.items()]
    show.answer(as_json, files, lambda: show.rows("Generated", files))


COMMANDS = (run, plan, generate)

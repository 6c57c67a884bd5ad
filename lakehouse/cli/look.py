"""Commands that only look: at tables, releases, raw files, bad rows and declarations."""

from __future__ import annotations

from functools import partial

import click

from lakehouse.cli import options, show
from lakehouse.cli.build import RawRows, raw_job
from lakehouse.cli.command import command
from lakehouse.cli.common import Common, catalog, common
from lakehouse.progress import silent


@command("status", "status --datamart s3a://bucket/datamart")
@common(options.DATAMART)
def status(common: Common) -> None:
    """Show the tables with their rows, months and versions."""
    from lakehouse.absent import absent
    from lakehouse.releases.arrived import has_come
    from lakehouse.releases.inspect import status as inspect_status

    tables = inspect_status(common.datamart)
    for each in absent(common.datamart.catalog, partial(has_come, common.datamart.log)):
        show.note(str(each))
    show.answer(common.as_json, tables, lambda: show.status(tables))


@command("history gold.label_store", "history --limit 5")
@click.argument("table", type=options.TableName(), required=False)
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=20,
    show_default=True,
    help="Newest versions to show.",
)
@common(options.DATAMART)
def history(common: Common, table: str | None, limit: int) -> None:
    """Show the versions of TABLE, or of every table."""
    from lakehouse.releases.inspect import history as inspect_history

    versions = inspect_history(common.datamart, table, limit)
    rows = [show.version_as_json(version) for version in versions]
    show.answer(common.as_json, rows, lambda: show.history(versions))


@command("releases", "releases --json")
@common(options.DATAMART)
def releases(common: Common) -> None:
    """Show every release: the runs that changed something."""
    from lakehouse.releases.inspect import releases as inspect_releases

    published = inspect_releases(common.datamart)
    show.answer(common.as_json, show.releases_as_json(published), lambda: show.releases(published))


@command("diff 1 2", "diff 1 2 gold.label_store --keys")
@click.argument("old", metavar="R1", type=int)
@click.argument("new", metavar="R2", type=int)
@click.argument("table", type=options.TableName(), required=False)
@click.option("--keys", is_flag=True, help="List the rows that differ, with each changed cell.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=20,
    show_default=True,
    help="Number of rows per table that --keys lists.",
)
@common(options.DATAMART, options.ENGINE)
def diff(common: Common, old: int, new: int, table: str | None, keys: bool, limit: int) -> None:
    """Show the rows that differ between two releases.

    It counts those that were added, changed and removed, in TABLE or in each table.
    """
    from lakehouse.releases.diff import diff as diff_releases

    datamart = common.built
    tables = diff_releases(
        datamart,
        old,
        new,
        lambda: common.store(datamart),
        table,
        limit if keys else 0,
    )
    answer = [table.as_json() if keys else table.counts for table in tables]
    show.answer(common.as_json, answer, lambda: show.diff(old, new, tables, keys))


@command("deliveries", "deliveries --source loan_daily", "deliveries lms_loan_daily/2024-07.csv")
@click.argument("file", type=options.RawFileName(), required=False)
@click.option("--source", help="Only files of this raw source, as loan_daily.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=20,
    show_default=True,
    help="Number of files to show; --json has all of them.",
)
@common(options.DATA, options.DATAMART, options.ENGINE)
def deliveries(common: Common, file: str | None, source: str | None, limit: int) -> None:
    """Show the raw files: taken, new, changed, archived or refused.

    With FILE it shows where each row of that file is, and which other file stands for it. Files that a run
    would read are read, as by plan, to find what it would refuse.
    """
    from lakehouse.run.deliveries import deliveries as all_deliveries
    from lakehouse.run.deliveries import delivery

    job = raw_job(common, RawRows(), silent)
    if file is None:
        files = all_deliveries(job, source)
        show.answer(common.as_json, files, lambda: show.deliveries(files, limit))
    else:
        found = delivery(lambda: common.store(common.built), job, file)
        show.answer(common.as_json, found, lambda: show.file_rows(found))


@command("quarantine", "quarantine --source loan_daily --month 2024-03")
@click.option("--source", help="Only rows of this raw source, as loan_daily.")
@click.option("--month", type=options.Month(), help="Only rows of this month.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=20,
    show_default=True,
    help="Number of rows to show.",
)
@common(options.DATAMART, options.ENGINE)
def quarantine(common: Common, source: str | None, month: str | None, limit: int) -> None:
    """Show the raw rows that no table could take, and why.

    Each has its file, its line and every reason. Cells that may be personal are masked.
    """
    from lakehouse.run.quality import quarantine as read_quarantine

    bad = read_quarantine(common.store(common.built), source, month, limit)
    show.answer(common.as_json, bad, lambda: show.quarantine(bad))


@command("quality", "quality silver.financials --by-month")
@click.argument("table", type=options.TableName(), required=False)
@click.option("--by-month", is_flag=True, help="Count each month by itself.")
@common(options.DATAMART, options.ENGINE)
def quality(common: Common, table: str | None, by_month: bool) -> None:
    """Count the bad rows, and the cells set to NULL, by reason.

    It is about the newest release, of TABLE in silver or of all. Cells that are odd and kept are counted too.
    """
    from lakehouse.run.quality import quality as count_quality

    counted = count_quality(common.store(common.built), table, by_month)
    show.answer(common.as_json, counted, lambda: show.quality(counted))


@command("dictionary gold.label_store", "dictionary > dictionary.md")
@click.argument("table", type=options.TableName(), required=False)
@options.TABLES
@options.JSON
@options.DEBUG
def dictionary(tables: str | None, as_json: bool, table: str | None) -> None:
    """Print the data dictionary as Markdown.

    It is made of the declarations of TABLE, or of all tables. A feature that
    carries a protected attribute says so.
    """
    from lakehouse.exports.dictionary import entries, markdown

    declared = catalog(tables)
    listed = (declared.table(table),) if table else declared.tables
    told = (listed, declared.exclusions, declared.protected)
    show.answer(as_json, entries(*told), lambda: click.echo(markdown(*told)))


COMMANDS = (status, history, releases, diff, deliveries, quarantine, quality, dictionary)

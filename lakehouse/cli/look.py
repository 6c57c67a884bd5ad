"""Commands that only look: status, history, releases, diff, dictionary."""

from __future__ import annotations

from dataclasses import asdict

import click

from lakehouse.cli import options, show
from lakehouse.cli.common import Common, catalog, common


@click.command()
@common
def status(common: Common) -> None:
    """Show the tables with their rows, months and versions."""
    from lakehouse.releases.inspect import status as inspect_status

    rows = show.status_rows(inspect_status(common.datamart))
    show.answer(common.as_json, rows, lambda: show.rows("Tables", rows))


@click.command()
@click.argument("table", required=False)
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=20,
    show_default=True,
    help="Newest versions to show.",
)
@common
def history(common: Common, table: str | None, limit: int) -> None:
    """Show the versions of TABLE (as gold.label_store), or of every table."""
    from lakehouse.releases.inspect import history as inspect_history

    versions = inspect_history(common.datamart, table, limit)
    rows = [asdict(version) for version in versions]
    show.answer(common.as_json, rows, lambda: show.rows("Versions, newest first", rows))


@click.command()
@common
def releases(common: Common) -> None:
    """Show every release: each run that changed something, and its result."""
    from lakehouse.releases.inspect import releases as inspect_releases

    published = inspect_releases(common.datamart)
    show.answer(common.as_json, show.releases_as_json(published), lambda: show.releases(published))


@click.command()
@click.argument("old", metavar="R1", type=int)
@click.argument("new", metavar="R2", type=int)
@click.argument("table", required=False)
@click.option("--keys", is_flag=True, help="List the rows that differ, with each changed cell.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=20,
    show_default=True,
    help="Number of rows per table that --keys lists.",
)
@common
def diff(common: Common, old: int, new: int, table: str | None, keys: bool, limit: int) -> None:
    """Show the rows added, changed and removed between two releases, for TABLE or for each table."""
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
    title = f"Release {old} to release {new}"
    answer = [table.as_json() if keys else table.counts for table in tables]
    show.answer(common.as_json, answer, lambda: show.diff(title, tables))


@click.command()
@click.argument("table", required=False)
@options.JSON
@options.DEBUG
def dictionary(as_json: bool, table: str | None) -> None:
    """Print the data dictionary as Markdown, from the declarations; of TABLE, or of all tables."""
    from lakehouse.exports.dictionary import entries, markdown

    declared = catalog()
    tables = (declared.table(table),) if table else declared.tables
    show.answer(as_json, entries(tables), lambda: click.echo(markdown(tables)))


COMMANDS = (status, history, releases, diff, dictionary)

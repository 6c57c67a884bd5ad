"""Commands that keep a datamart in order or pack the project: optimize, vacuum, erase, package."""

from __future__ import annotations

from pathlib import Path

import click

from lakehouse.cli import options, show
from lakehouse.cli.common import Common, common
from lakehouse.cli.confirm import check_confirmed
from lakehouse.progress import Wait


@click.command()
@options.WAIT
@common
def optimize(common: Common, wait: Wait) -> None:
    """Join the small files of each month of each table; no row changes."""
    from lakehouse.upkeep.optimize import optimize as optimize_tables

    with show.progress(quiet=common.as_json) as on_progress:
        done = optimize_tables(common.datamart, common.store, on_progress, wait)
    show.answer(common.as_json, done, lambda: show.optimized(done))


@click.command()
@click.option(
    "--keep-releases",
    type=click.IntRange(1),
    default=12,
    show_default=True,
    help="Number of newest releases to keep; training sets with a receipt are kept too.",
)
@click.option(
    "--dry-run", is_flag=True, help="Show what would be deleted and what is kept; change nothing."
)
@options.YES
@options.WAIT
@common
def vacuum(common: Common, keep_releases: int, dry_run: bool, yes: bool, wait: Wait) -> None:
    """Give up old releases, and delete the files that no kept release and no training set needs.

    It shows what would go and asks first.
    """
    from lakehouse.upkeep.vacuum import Vacuumed
    from lakehouse.upkeep.vacuum import vacuum as vacuum_tables

    def vacuumed(dry_run: bool) -> Vacuumed:
        with show.progress(quiet=common.as_json) as on_progress:
            return vacuum_tables(common.datamart, keep_releases, dry_run, on_progress, wait)

    check_confirmed("vacuum", yes or dry_run, lambda: show.vacuumed(vacuumed(dry_run=True)))
    done = vacuumed(dry_run)
    show.answer(common.as_json, done, lambda: show.vacuumed(done))


@click.command()
@click.option("--customer", metavar="ID", required=True, help="The person to erase, as CUS_0x1069.")
@click.option("--dry-run", is_flag=True, help="Show what would be erased; change nothing.")
@click.option(
    "--exact", is_flag=True, help="Erase this spelling of the id only, though there are near ones."
)
@options.YES
@options.WAIT
@common
def erase(common: Common, customer: str, dry_run: bool, exact: bool, yes: bool, wait: Wait) -> None:
    """Erase a person from all tables, their history and the quarantine; keep a receipt without the person.

    It shows what would go and asks first. Everybody else's rows can be read at every release as before.
    """
    from lakehouse.upkeep.erase import Erased
    from lakehouse.upkeep.erase import erase as erase_customer

    def erased_rows(dry_run: bool) -> Erased:
        return erase_customer(common.datamart, common.data, customer, dry_run, wait, exact)

    check_confirmed("erase", yes or dry_run, lambda: show.erased(erased_rows(dry_run=True)))
    erased = erased_rows(dry_run)
    show.answer(common.as_json, erased, lambda: show.erased(erased))


@click.command()
@click.option(
    "--repo-url",
    metavar="URL",
    help="Link for Readme.txt; default: that of the git remote, origin first.",
)
@click.option(
    "--out",
    type=options.LocalPath(),
    required=True,
    help="Zip file to write, as submission.zip.",
)
@common
def package(common: Common, repo_url: str | None, out: Path) -> None:
    """Write the hand-in zip: code, Docker files, raw files, notebooks as they are, the repository's link.

    The same input gives the same bytes. The datamart is not part of it.
    """
    from lakehouse.exports.package import package as write_package

    made = write_package(out, common.data, repo_url)
    show.answer(common.as_json, made, lambda: show.package(made))


COMMANDS = (optimize, vacuum, erase, package)

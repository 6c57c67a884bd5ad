"""Commands that keep a datamart in order or pack the project: optimize, vacuum, erase, backup, restore,
package."""

from __future__ import annotations

from pathlib import Path

import click

from lakehouse.cli import options, show
from lakehouse.cli.command import command
from lakehouse.cli.common import Common, catalog, common
from lakehouse.cli.confirm import check_confirmed
from lakehouse.progress import Wait


@command("optimize")
@options.WAIT
@common(options.DATAMART, options.ENGINE)
def optimize(common: Common, wait: Wait) -> None:
    """Join the small files of each table; no row changes."""
    from lakehouse.upkeep.optimize import optimize as optimize_tables

    with show.progress(quiet=common.as_json) as on_progress:
        done = optimize_tables(common.datamart, common.store, on_progress, wait)
    show.answer(common.as_json, done, lambda: show.optimized(done))


@command("vacuum --dry-run", "vacuum --keep-releases 6")
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
@common(options.DATAMART)
def vacuum(common: Common, keep_releases: int, dry_run: bool, yes: bool, wait: Wait) -> None:
    """Give up old releases, and delete the files only they need.

    A file stays that a kept release or a training set needs. It shows what would go and asks first.
    """
    from lakehouse.upkeep.vacuum import Vacuumed
    from lakehouse.upkeep.vacuum import vacuum as vacuum_tables

    def vacuumed(dry_run: bool) -> Vacuumed:
        with show.progress(quiet=common.as_json) as on_progress:
            return vacuum_tables(common.datamart, keep_releases, dry_run, on_progress, wait)

    check_confirmed("vacuum", yes or dry_run, lambda: show.vacuumed(vacuumed(dry_run=True)))
    done = vacuumed(dry_run)
    show.answer(common.as_json, done, lambda: show.vacuumed(done))


@command("erase --customer CUS_0x1069 --dry-run")
@click.option("--customer", metavar="ID", required=True, help="The person to erase, as CUS_0x1069.")
@click.option("--dry-run", is_flag=True, help="Show what would be erased; change nothing.")
@click.option(
    "--exact", is_flag=True, help="Erase this spelling of the id only, though there are near ones."
)
@options.YES
@options.WAIT
@common(options.DATA, options.DATAMART)
def erase(common: Common, customer: str, dry_run: bool, exact: bool, yes: bool, wait: Wait) -> None:
    """Erase a person from all tables and their history.

    Also from the quarantine; a receipt without the person is kept. It shows what would go and asks first.
    Everybody else's rows can be read at every release as before.
    """
    from lakehouse.upkeep.erase import Erased
    from lakehouse.upkeep.erase import erase as erase_customer

    def erased_rows(dry_run: bool) -> Erased:
        with show.progress(quiet=common.as_json) as on_progress:
            return erase_customer(
                common.datamart, common.data, customer, dry_run, wait, exact, on_progress
            )

    check_confirmed("erase", yes or dry_run, lambda: show.erased(erased_rows(dry_run=True)))
    erased = erased_rows(dry_run)
    show.answer(common.as_json, erased, lambda: show.erased(erased))


@command("backup --to /mnt/backup")
@click.option(
    "--to",
    type=options.LocalPath(),
    metavar="DIR",
    required=True,
    help="Folder of the backup, on another disk; an earlier backup there becomes this one.",
)
@common(options.DATAMART)
def backup(common: Common, to: Path) -> None:
    """Copy all kept releases and receipts to a folder.

    The copy is as of one moment; a run may go on meanwhile. Only new files are copied. If persons were
    erased or releases vacuumed since, the backup loses them too.
    """
    from lakehouse.upkeep.backup import backup as back_up

    with show.progress(quiet=common.as_json) as on_progress:
        done = back_up(common.datamart, to, on_progress)
    show.answer(common.as_json, done, lambda: show.backed_up(done))


@command(
    "restore --from /mnt/backup --dry-run", "restore --from /mnt/backup --table gold.label_store"
)
@click.option(
    "--from",
    "source",
    type=options.LocalPath(),
    metavar="DIR",
    required=True,
    help="Folder that `backup --to` has written.",
)
@click.option(
    "--table", type=options.TableName(), help="Restore one table only, as gold.label_store."
)
@click.option("--dry-run", is_flag=True, help="Verify the backup; change nothing.")
@options.YES
@options.WAIT
@common(options.DATAMART)
def restore(
    common: Common, source: Path, table: str | None, dry_run: bool, yes: bool, wait: Wait
) -> None:
    """Put a datamart back as it is in a backup.

    Every file is verified first. It asks before it replaces tables; they are set aside in `_damaged`, not
    deleted.
    """
    from lakehouse.storage.checks import content
    from lakehouse.upkeep.restore import Restored
    from lakehouse.upkeep.restore import restore as restore_tables

    def restored(dry_run: bool) -> Restored:
        with show.progress(quiet=common.as_json) as on_progress:
            return restore_tables(common.datamart, source, table, dry_run, on_progress, wait)

    if common.place.folder and content(common.datamart):
        sure = yes or dry_run
        check_confirmed(
            "restore", sure, lambda: show.restored(restored(dry_run=True)), "replaces tables"
        )
    done = restored(dry_run)
    show.answer(common.as_json, done, lambda: show.restored(done))


@command("package --out submission.zip")
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
@common(options.DATA)
def package(common: Common, repo_url: str | None, out: Path) -> None:
    """Write the hand-in zip.

    It has the code, Docker files, raw files, notebooks as they are and the repository's link. A bank of your
    own comes along with its folder. The same input gives the same bytes. The datamart is not part of it.
    """
    from lakehouse.exports.package import package as write_package

    made = write_package(out, common.data_folder, repo_url, catalog=catalog(common.tables))
    show.answer(common.as_json, made, lambda: show.package(made))


COMMANDS = (optimize, vacuum, erase, backup, restore, package)

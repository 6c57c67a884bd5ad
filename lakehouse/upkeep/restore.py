"""Restores a datamart, or one table, from a backup; what was there is set aside, never deleted."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from deltalake.exceptions import DeltaError

from lakehouse.errors import BadInput
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.progress import Progress, Steps, Wait
from lakehouse.releases.erasures import erasures
from lakehouse.releases.ledger_copies import copy_anew
from lakehouse.releases.ledger_rows import unchecked_rows
from lakehouse.releases.publish import now_utc
from lakehouse.storage.backup_folder import BackupFolder, Manifest, Stored
from lakehouse.storage.begun_erasure import erasure_folder
from lakehouse.storage.checks import content
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.format import FORMAT, check_bank
from lakehouse.storage.layout import LEDGER_COPIES
from lakehouse.storage.set_aside import damaged_folder
from lakehouse.storage.sync import sync, sync_tree
from lakehouse.storage.work import work_folder


@dataclass(frozen=True)
class Restored:
    """The result of a restore or a dry run: the newest release of the backup, and its restored files."""

    dry_run: bool
    made_at: str
    release: int
    files: int
    bytes: int
    set_aside: str | None
    notes: tuple[str, ...]


def restore(
    datamart: Datamart,
    source: Path,
    table: str | None,
    dry_run: bool,
    on_progress: Progress,
    wait: Wait = None,
) -> Restored:
    """Put all tables, or one, back as they are in a backup; no engine is needed.

    BadInput if the backup is incomplete, changed, of another bank or of a newer program, or if the datamart
    is another thing. Every file is verified before a table changes. A restore that was killed is begun again.
    """
    place = datamart.place
    place.on_this_machine()
    place.check()
    restoring = _Restoring(datamart, source, table)
    notes = tuple(restoring.notes())
    if dry_run:
        restoring.check(on_progress)
        return restoring.result(None, notes)
    place.check_writable()
    with place.locked(wait), place.receipts_locked(), work_folder(place) as work:
        restoring.prepare(work / "restored", on_progress)
        place.check_held()
        aside = restoring.swap(work / "restored")
        restoring.copy_ledger()
    return restoring.result(aside, notes, dry_run=False)


class _Restoring:
    """One restore: the files of the backup that are wanted, and the folders that are exchanged for them."""

    def __init__(self, datamart: Datamart, source: Path, table: str | None) -> None:
        self.datamart, self.root = datamart, datamart.place.on_this_machine()
        self.backup = BackupFolder(source)
        self.manifest = _manifest(self.backup)
        check_bank(datamart)
        if self.manifest.bank != datamart.catalog.bank.name:
            raise BadInput(
                f"the backup {source} is of the bank {self.manifest.bank}, and these are the tables of "
                f"{datamart.catalog.bank.name}; name those of its bank with --tables"
            )
        self.table = datamart.catalog.table(table) if table else None
        within = f"{self.table.path}/" if self.table else ""
        self.files = {p: s for p, s in self.manifest.files.items() if p.startswith(within)}
        if not self.files:
            raise BadInput(f"the backup {source} has no {table}; look with --dry-run what it has")
        held = content(datamart)
        if self.table and not held:
            raise BadInput(f"datamart {datamart} is empty; restore it whole, without --table")
        layers = {LEDGER_COPIES, *(each.layer for each in datamart.catalog.tables)}
        foreign = held - layers - {path.split("/")[0] for path in self.files}
        if foreign:
            raise BadInput(
                f"datamart {datamart} holds {min(foreign)}, which is not of a datamart; give another "
                "folder with --datamart"
            )
        self.exchanged = [self.table.path] if self.table else sorted(held | self._top)

    @property
    def _top(self) -> set[str]:
        return {path.split("/")[0] for path in self.files}

    def check(self, on_progress: Progress) -> None:
        """Read every file, and restore nothing."""
        for path, stored in self._told(on_progress):
            self.backup.check_file(path, stored)

    def prepare(self, new: Path, on_progress: Progress) -> None:
        """Copy and verify every file beside the tables, and put them on the disk."""
        for path, stored in self._told(on_progress):
            (new / path).parent.mkdir(parents=True, exist_ok=True)
            self.backup.fetch(path, stored, new / path)
        for path, mode in self.manifest.folders.items():
            if (new / path).is_dir():
                (new / path).chmod(mode)
        sync_tree(new)

    def _told(self, on_progress: Progress) -> Iterator[tuple[str, Stored]]:
        by_table = groupby(self.files.items(), lambda file: ".".join(file[0].split("/")[:2]))
        files = [(table, [*of_table]) for table, of_table in by_table]
        tables = Steps(on_progress, len(files))
        for table, of_table in files:
            tables.begin(table, "verifying")
            yield from of_table

    def swap(self, new: Path) -> Path | None:
        """Exchange folders by renames; the folder with what was there, None if nothing was.

        The ledger goes first and comes last: between the two, every command refuses the datamart.
        """
        name = f"before-restore-{now_utc():%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"
        aside = damaged_folder(self.root) / name
        ledger = [path for path in self.exchanged if path == RELEASES.layer]
        begun = erasure_folder(self.root)
        # It would exchange the restored tables for those that it has prepared.
        _move(begun, aside / begun.relative_to(self.root))
        for path in ledger:
            _move(self.root / path, aside / path)
        for path in (path for path in self.exchanged if path not in ledger):
            _move(self.root / path, aside / path)
            _move(new / path, self.root / path)
        for path in ledger:
            _move(new / path, self.root / path)
        return aside if aside.exists() else None

    def copy_ledger(self) -> None:
        """Make the copies of the ledger those of the restored rows; a backup holds none."""
        log = self.datamart.log
        for table in self.datamart.catalog.tables:
            if table.is_copied and {table.path, table.layer} & {*self.exchanged}:
                copy_anew(log, table, unchecked_rows(log, table))

    def notes(self) -> Iterator[str]:
        """Lines for the user about what is replaced."""
        if erasure_folder(self.root).exists():
            yield "an erasure was under way, and is set aside; erase that person again"
        try:
            erased = erasures(self.datamart.log)
        except DeltaError:
            yield "the erasures of this datamart cannot be read; erase again whom the backup still has"
            return
        later = [e for e in erased if e.erasure_id not in self.manifest.erasures]
        if later:
            yield (
                f"{len(later)} erased since the backup, the last on {later[-1].erased_at:%Y-%m-%d}: the "
                "persons are in the backup, so erase them again"
            )
        if self.table:
            yield (
                f"releases after {self.manifest.newest} can no longer be read where they need newer rows of "
                f"{self.table.full_name}; the next run goes on"
            )

    def result(self, aside: Path | None, notes: tuple[str, ...], dry_run: bool = True) -> Restored:
        size = sum(stored.bytes for stored in self.files.values())
        return Restored(
            dry_run,
            self.manifest.made_at,
            self.manifest.newest,
            len(self.files),
            size,
            str(aside) if aside else None,
            notes,
        )


def _manifest(backup: BackupFolder) -> Manifest:
    manifest = backup.manifest()
    if manifest is None:
        raise BadInput(
            f"{backup.path} has no complete backup; give the folder that `backup --to` has written"
        )
    if manifest.format > FORMAT:
        raise BadInput(
            f"the backup {backup.path} is of a datamart of format {manifest.format}, and this program "
            f"knows formats up to {FORMAT}; use a newer version of it"
        )
    return manifest


def _move(folder: Path, to: Path) -> None:
    """Rename a folder if it exists, and put both names on the disk."""
    if not folder.exists():
        return
    if not to.parent.exists():
        to.parent.mkdir(parents=True, mode=folder.parent.stat().st_mode & 0o777)
    folder.replace(to)
    sync([folder, to])

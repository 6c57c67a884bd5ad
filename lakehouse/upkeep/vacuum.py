"""Vacuum: deletes data files and log entries that neither a kept release nor a training set needs.

It does not use Delta's own VACUUM, which writes commits: they would move each table past its release.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from os import walk
from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from lakehouse.errors import LakehouseError
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.progress import Progress, Steps, Wait
from lakehouse.releases import ledger_rows, published
from lakehouse.releases.inspect import check_built
from lakehouse.releases.publish import now_utc
from lakehouse.releases.release import Pins, Release
from lakehouse.releases.state import is_published
from lakehouse.storage import files
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.create import add_missing_columns
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.layout import LOG_FOLDER
from lakehouse.storage.log import Log
from lakehouse.storage.work import work_folder
from lakehouse.table import Table
from lakehouse.training.receipts import Receipt, receipts
from lakehouse.training.sets import spine_folder
from lakehouse.upkeep.erasure import locked_and_whole

# A reader that opened a log within this time may go on. So may one of the ledger, which no release pins.
READERS_READ_ON = timedelta(hours=1)
# A training set stores its spine first and its receipt last, so a young spine may have no receipt yet.
_SPINE_WITHOUT_RECEIPT = timedelta(days=1)
# With this many commits after its last checkpoint, a log gets another one.
_COMMITS_TO_READ = 50
# Names in the log: 00…7.json, 00…7.checkpoint.parquet, 00…7.crc and .00…7.json.crc.
_OF_VERSION = re.compile(r"\.?(\d{20})\.")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.parquet")
_UNFINISHED = re.compile(r"#\d+$|\.tmp\b")
_HINT = "_last_checkpoint"


@dataclass(frozen=True)
class TableSpace:
    """The files of a table that are deleted, and the versions that stay, with what needs them."""

    table: str
    files: int
    bytes: int
    versions: tuple[int, ...]
    releases: tuple[int, ...]
    training_sets: tuple[str, ...]


@dataclass(frozen=True)
class Vacuumed:
    """The result of a vacuum or a dry run: releases kept and given up, and the space of each table."""

    dry_run: bool
    kept: tuple[int, ...]
    given_up: tuple[int, ...]
    spines: int
    tables: tuple[TableSpace, ...]
    notes: tuple[str, ...] = ()


def vacuum(
    datamart: Datamart,
    keep_releases: int,
    dry_run: bool,
    on_progress: Progress,
    wait: Wait = None,
) -> Vacuumed:
    """Give up all releases except the newest, and delete what no kept one and no training set needs.

    It needs no engine. LakehouseError if a run was stopped and must go on first. If a vacuum is killed,
    the next one goes on; kept releases can be read at every moment.
    """
    place = datamart.place
    place.on_this_machine()
    check_built(datamart)
    if dry_run:
        return _Vacuum(datamart, keep_releases).result(dry_run)
    place.check_writable()
    with (
        locked_and_whole(datamart, wait) as told,
        place.receipts_locked(),
        work_folder(place) as work,
    ):
        planned = _Vacuum(datamart, keep_releases)
        planned.give_up()
        planned.delete(work, on_progress)
    return replace(planned.result(dry_run), notes=tuple(told))


class _Space:
    """One table: its needed versions that can be opened, and the files that are deleted."""

    def __init__(self, log: Log, table: Table, versions: Collection[int]) -> None:
        self.log = log
        self.table = table
        self.folder = log.folder(table)
        opened = {version: _files(log, table, version) for version in sorted(versions)}
        self.versions = [version for version, files in opened.items() if files is not None]
        self.held = {path for files in opened.values() if files is not None for path in files}
        self.going = {file: file.stat().st_size for file in self._going()}

    def _going(self) -> Iterator[Path]:
        for file in (*self._data_files(), *self._log_files()):
            if not self.table.is_ledger or _is_older(file, READERS_READ_ON):
                yield file

    def _data_files(self) -> Iterator[Path]:
        """Data files that no needed version has: of old versions, the change feed, and killed runs."""
        for folder, within, names in walk(self.folder):
            if Path(folder) == self.folder:
                within[:] = [name for name in within if name != LOG_FOLDER]
            for file in (Path(folder, name) for name in names if ".parquet" in name):
                if _owner(file).relative_to(self.folder).as_posix() not in self.held:
                    yield file

    def _log_files(self) -> Iterator[Path]:
        """Log files that no needed version needs: those before the first checkpoint, and unfinished ones."""
        begin = self._begin()
        for file in (self.folder / LOG_FOLDER).iterdir():
            versioned = _OF_VERSION.match(file.name)
            is_before = versioned is not None and int(versioned[1]) < begin
            if is_before or file.name == _HINT or _UNFINISHED.search(file.name):
                yield file

    def _begin(self) -> int:
        """The version at which the log may begin: the last checkpoint up to the first needed version.

        A checkpoint counts only if it is older than any reader that may still be at work.
        """
        old = (v for v, file in self._checkpoints().items() if _is_older(file, READERS_READ_ON))
        return max((version for version in old if version <= self.versions[0]), default=0)

    def _checkpoints(self) -> dict[int, Path]:
        names = ((_CHECKPOINT.fullmatch(f.name), f) for f in (self.folder / LOG_FOLDER).iterdir())
        return {int(match[1]): file for match, file in names if match}

    def delete(self, work: Path) -> None:
        """Delete the files; make a checkpoint where the log may begin next time, and one near its end."""
        self._checkpoint(self.versions[0], work)
        if self.versions[-1] - max(self._checkpoints(), default=0) >= _COMMITS_TO_READ:
            self._checkpoint(self.versions[-1], work)
        for file in self.going:
            file.unlink(missing_ok=True)

    def _checkpoint(self, version: int, work: Path) -> None:
        """Make a checkpoint in a copy of the log.

        In the log itself delta-rs would name it as the last one, and Sail would read no older version.
        """
        name = f"{version:020d}.checkpoint.parquet"
        log = self.folder / LOG_FOLDER
        if version == 0 or (log / name).exists():
            return
        copy = work / self.table.full_name / str(version)
        shutil.copytree(log, copy / LOG_FOLDER)
        DeltaTable(copy, version=version).create_checkpoint()
        # On the disk before the commits that it replaces are deleted.
        files.replace(copy / LOG_FOLDER / name, log / name)


def _is_older(file: Path, age: timedelta) -> bool:
    return file.stat().st_mtime < time.time() - age.total_seconds()


def _files(log: Log, table: Table, version: int) -> Collection[str] | None:
    """The data files of a version; None if it cannot be opened any more."""
    try:
        return log.files(table, version).keys()
    except DeltaError:
        return None


def _owner(file: Path) -> Path:
    """The file itself; for a checksum of Spark (.name.crc), the file that it belongs to."""
    if file.name.startswith(".") and file.suffix == ".crc":
        return file.with_name(file.name[1:].removesuffix(".crc"))
    return file


class _Vacuum:
    """One vacuum: what needs which versions, and therefore what is deleted."""

    def __init__(self, datamart: Datamart, keep_releases: int) -> None:
        log = datamart.log
        if not is_published(datamart):
            raise LakehouseError(
                f"the tables of datamart {log.root} are not those of its newest release: a run was "
                "stopped, or is at work; run main.py first"
            )
        self.log = log
        self.releases = published.releases(log)
        kept = published.kept(log)
        self.kept, self.given_up = kept[-keep_releases:], kept[:-keep_releases]
        # A training set from which a person was erased cannot be built again.
        self.receipts = [receipt for receipt in receipts(log) if receipt.erased_at is None]
        tables = [table for table in datamart.catalog.tables if log.exists(table)]
        self.spaces = [_Space(log, table, self._versions(table)) for table in tables]
        self.spines = list(_spines(log, self.receipts))

    def _versions(self, table: Table) -> set[int]:
        if table.is_ledger:
            return _recent_versions(self.log, table)
        return {v for pins in self._pins if (v := pins.versions.get(table.full_name)) is not None}

    @property
    def _pins(self) -> list[Pins]:
        return [
            *(release.pins for release in self.kept),
            *(pins for receipt in self.receipts for pins in receipt.pins({})),
        ]

    def give_up(self) -> None:
        """Mark the releases, and drop checksums of files that are deleted, in one commit before that."""
        held = {f"{space.table.path}/{path}" for space in self.spaces for path in space.held}
        going = [r for r in self.releases if r in self.given_up or not r.is_kept]
        marked = [_given_up(release, held) for release in going]
        changed = [release for release in marked if release not in self.releases]
        if changed:
            add_missing_columns(self.log, RELEASES)
            note = CommitNote(given_up=tuple(release.number for release in changed))
            ledger_rows.put(self.log, RELEASES, [release.as_row() for release in changed], note)

    def delete(self, work: Path, on_progress: Progress) -> None:
        tables = Steps(on_progress, len(self.spaces))
        for space in self.spaces:
            tables.begin(space.table.full_name, f"deleting {len(space.going):,} files")
            space.delete(work)
        for spine in self.spines:
            spine.unlink(missing_ok=True)

    def result(self, dry_run: bool) -> Vacuumed:
        return Vacuumed(
            dry_run=dry_run,
            kept=tuple(release.number for release in self.kept),
            given_up=tuple(release.number for release in self.given_up),
            spines=len(self.spines),
            tables=tuple(self._table_space(space) for space in self.spaces),
        )

    def _table_space(self, space: _Space) -> TableSpace:
        name, held = space.table.full_name, set(space.versions)
        return TableSpace(
            table=name,
            files=len(space.going),
            bytes=sum(space.going.values()),
            versions=tuple(space.versions),
            releases=tuple(r.number for r in self.kept if r.versions.get(name) in held),
            training_sets=tuple(
                r.training_set_id
                for r in self.receipts
                if any(pins.versions.get(name) in held for pins in r.pins({}))
            ),
        )


def _recent_versions(log: Log, table: Table) -> set[int]:
    """The newest version of a ledger table, and those that were the newest within the hour."""
    commits = log.history(table)
    since = datetime.now(commits[0].timestamp.tzinfo) - READERS_READ_ON
    young = [commit for commit in commits if commit.timestamp > since]
    return {commit.version for commit in commits[: len(young) + 1]}


def _spines(log: Log, kept: Collection[Receipt]) -> Iterator[Path]:
    """Stored spines that no receipt names, and from which no training set is being built."""
    named = {receipt.selection.spine for receipt in kept}
    for file in spine_folder(log).glob("*.parquet"):
        if file.stem not in named and _is_older(file, _SPINE_WITHOUT_RECEIPT):
            yield file


def _given_up(release: Release, held: Collection[str]) -> Release:
    checksums = {path: sha256 for path, sha256 in release.checksums.items() if path in held}
    return replace(release, given_up_at=release.given_up_at or now_utc(), checksums=checksums)

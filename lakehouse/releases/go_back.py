"""Takes back the commits that a loss of power left unsound, so that a run goes on from the version before.

Everything that a release pins was on the disk before the release. So only commits after it can have lost
data files, or name versions of other tables that are gone. An older program version synced nothing: there
the newest pinned commit may be unsound as well, and readers refuse that release from then on.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Collection, Sequence
from pathlib import Path

from deltalake.exceptions import DeltaError

from lakehouse.errors import LakehouseError, LedgerFault
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.releases import published
from lakehouse.releases.ledger_copies import copied_keys
from lakehouse.releases.release import Release
from lakehouse.releases.salvage import put_back
from lakehouse.releases.state import released_tables
from lakehouse.storage.commit_file import (
    CommitFile,
    begin_of_log,
    checksums,
    commit_files,
    whole_until,
)
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.format import properties_of
from lakehouse.storage.layout import LOG_FOLDER
from lakehouse.storage.log import Log
from lakehouse.storage.set_aside import damaged_folder
from lakehouse.storage.sync import sync
from lakehouse.table import Table


def go_back(datamart: Datamart, repairs: bool = False) -> list[str]:
    """Take back what is unsound in any table; return one line per table. The datamart is locked.

    If a release needs commits after one that is not whole: LakehouseError, unless a repair comes next.
    """
    if datamart.place.folder is None:
        return []
    log = datamart.log
    for table in datamart.catalog.tables:
        if log.is_unmade(table):
            shutil.rmtree(log.folder(table))
    notes = _go_back_in_whole_ledger(datamart, repairs)
    releases = _releases(log, repairs)
    if releases is None:
        return notes
    sound: dict[str, int] = {}
    for table in filter(log.exists, released_tables(datamart.catalog)):
        own = _Table(log, table, releases, sound)
        notes += own.go_back() if own.can_go_back() or not repairs else []
    return notes


def _go_back_in_whole_ledger(datamart: Datamart, repairs: bool) -> list[str]:
    log = datamart.log
    ledger = [table for table in datamart.catalog.tables if table.is_ledger]
    there = [table for table in ledger if log.exists(table)]
    going = [table for table in there if not repairs or _in_ledger(log, table).can_go_back()]
    notes = [note for table in going if (note := go_back_in_ledger(log, table))]
    for table in ledger:
        if (
            log.exists(RELEASES)
            and not log.place.has_folder(table.path)
            and copied_keys(log, table)
        ):
            log.create(table, properties_of(table, datamart.catalog.bank.name))
            notes += put_back(log, table)
    return notes


def _releases(log: Log, repairs: bool) -> list[Release] | None:
    """Every release; None if the ledger is lost or cannot be read, so that nobody knows what is needed."""
    try:
        return published.releases(log) if log.exists(RELEASES) else None
    except (DeltaError, LedgerFault):
        if repairs:
            return None
        raise


def go_back_in_ledger(log: Log, table: Table) -> str:
    """Take back the newest commit of a ledger table if it is not whole; the line about it, or empty.

    Rows that were lost with it are put back from their copies.
    """
    if log.place.folder is None:
        return ""
    own = _in_ledger(log, table)
    last, fault = own.whole
    if not fault:
        return ""
    line = own.to(last, fault)
    # Commits before it were not read; if one is not whole, a repair puts the rows back.
    is_whole = not whole_until(own.folder)[1]
    return "; ".join([line, *(put_back(log, table) if is_whole else ())])


def heals_itself(log: Log, table: Table) -> bool:
    """Whether the next run mends a ledger table: only its newest commit is not whole."""
    last, fault = whole_until(log.folder(table))
    return bool(fault) and last == _highest(log.folder(table)) - 1


def _in_ledger(log: Log, table: Table) -> _Back:
    """A table of the ledger, where every commit is needed."""
    return _Back(log, table, _highest(log.folder(table)))


def _highest(table: Path) -> int:
    """The highest number of a commit in the log of a table's folder, whole or not."""
    return max((commit.version for commit in commit_files(table)), default=-1)


class _Back:
    """The way back of one table; `needed` is the newest version that a release or the ledger needs."""

    def __init__(self, log: Log, table: Table, needed: int) -> None:
        self.log, self.table, self.needed = log, table, needed
        self.folder = log.folder(table)

    @property
    def whole(self) -> tuple[int, str]:
        return whole_until(self.folder, trusted=self.needed - 1)

    def can_go_back(self) -> bool:
        """Whether no commit that is needed comes after the first one that is not whole."""
        last, fault = self.whole
        return not fault or last >= self.needed - 1

    def to(self, last: int, fault: str) -> str:
        """Take every commit after a version out of the log; the line that tells of it."""
        if last < self.needed - 1:
            raise LakehouseError(
                f"the log of {self.table.full_name} cannot be read; {fault}, and later commits are built "
                "on it; python main.py doctor --deep tells more, run --repair repairs it"
            )
        unsound = [commit for commit in commit_files(self.folder) if commit.version > last]
        for commit in reversed(unsound):
            self._take_out(commit)
        sync([self.folder / LOG_FOLDER / "any"])
        return (
            f"{self.table.full_name}: {fault}, as after a loss of power; {len(unsound)} commits were taken "
            f"back, and the run goes on from version {last}"
        )

    def _take_out(self, commit: CommitFile) -> None:
        """Delete an empty commit; another one is set aside."""
        if commit.is_empty:
            commit.path.unlink()
            return
        aside = damaged_folder(self.log.place.on_this_machine())
        name = f"{self.table.full_name}-{uuid.uuid4().hex[:12]}-{commit.path.name}"
        commit.path.replace(aside / name)


class _Table(_Back):
    """A table of data; `sound` is the newest version of each table before it."""

    def __init__(
        self, log: Log, table: Table, releases: Sequence[Release], sound: dict[str, int]
    ) -> None:
        highest = _highest(log.folder(table))
        pinned = (release.versions.get(table.full_name, -1) for release in releases)
        # A version that is not there is of a table that was set back, or made again.
        super().__init__(log, table, max((v for v in pinned if v <= highest), default=-1))
        self.sound = sound

    def go_back(self) -> list[str]:
        self._drop_checksums()
        last, fault = self.whole
        trusted = max(begin_of_log(self.folder), self.needed)
        younger = [c for c in commit_files(self.folder) if trusted < c.version <= last]
        held = self.log.files(self.table).keys() if younger else ()
        for commit in younger:
            if what := self._lacks(commit, held):
                last, fault = commit.version - 1, what
                break
        self.sound[self.table.full_name] = last
        return [self.to(last, fault)] if fault else []

    def _drop_checksums(self) -> None:
        """Delete the checksums that Spark made since the release: they may be torn, or of a lost commit.

        Either engine refuses such a table. Without checksums Spark reads it as it is.
        """
        for path in list(checksums(self.folder, since=self.needed)):
            path.unlink(missing_ok=True)

    def _lacks(self, commit: CommitFile, held: Collection[str]) -> str:
        """The loss of a commit after the release in words; empty if it has lost nothing.

        Files that the newest version does not hold count only if there is a release: without one, a vacuum
        may have deleted them before the ledger was lost.
        """
        for name, version in (commit.note.consumed or {}).items():
            if version > self.sound.get(name, version):
                return f"commit {commit.version} was computed from version {version} of {name}, which is gone"
        for name, size in commit.data_files.items():
            is_needed = self.needed >= 0 or name in held
            if is_needed and not _is_sound(self.folder / name, size):
                return f"file {name} of commit {commit.version} is gone or cut off"
        return ""


def _is_sound(file: Path, size: int | None) -> bool:
    """Whether a data file can be read to its end."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if size is not None and file.stat().st_size != size:
            return False
        with pq.ParquetFile(file) as rows:
            for group in range(rows.num_row_groups):
                rows.read_row_group(group)
    except (OSError, pa.ArrowException):
        return False
    return True

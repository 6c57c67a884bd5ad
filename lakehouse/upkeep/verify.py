"""Checks, without an engine, that tables are still what their newest release says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.exceptions import DeltaError

from lakehouse.errors import LakehouseError
from lakehouse.releases import published
from lakehouse.releases.readable import loss
from lakehouse.releases.release import Release
from lakehouse.releases.standing import Standing, standing
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.files import fingerprint
from lakehouse.storage.layout import LOG_FOLDER
from lakehouse.storage.log import Log
from lakehouse.table import Table
from lakehouse.training.receipts import Receipt, receipts
from lakehouse.training.spine import spine_file
from lakehouse.upkeep.doctor import Finding

_REPAIR = "python main.py run --repair repairs it from the raw files, or restore it from a backup"
_BACKUP = "restore it from a backup; newer versions are complete"
_LEDGER = "restore it from a backup; run --repair goes on without the lost rows"


@dataclass(frozen=True)
class DataFile:
    """A data file as the log of a version describes it."""

    path: str
    size_bytes: int
    rows: int
    partition: str


@dataclass(frozen=True)
class Damage:
    """The damage of a table's newest version: its log, or data files (path -> what is wrong)."""

    table: Table
    what: str
    files: Mapping[str, str] = field(default_factory=dict)
    partitions: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Checked:
    """The tables of a datamart, checked; each data file is read only once."""

    datamart: Datamart
    _ails: dict[Path, str | None] = field(default_factory=dict)

    @property
    def log(self) -> Log:
        return self.datamart.log

    @cached_property
    def releases(self) -> Sequence[Release]:
        """Every release; empty if the ledger cannot be read."""
        try:
            return published.releases(self.log)
        except (LakehouseError, DeltaError, pa.ArrowException):
            return []

    @cached_property
    def checksums(self) -> dict[str, str]:
        return {path: sha for release in self.releases for path, sha in release.checksums.items()}

    def damages(self) -> list[Damage]:
        """The damages of all tables; a table that does not exist at all does not count."""
        damages = (self.damage(table) for table in self.datamart.catalog.tables)
        return [damage for damage in damages if damage]

    def damage(self, table: Table) -> Damage | None:
        """The damage of a table's newest version; None if it is complete."""
        folder = self.log.folder(table)
        try:
            if not self.log.exists(table):
                left = folder.is_dir() and any(folder.iterdir())
                return Damage(table, "its log is gone") if left else None
            own = self.standing(table)
            what = self._damaged_log(table, own)
            if what:
                return Damage(table, what)
            files = list(data_files(self.log, table))
        except DeltaError:
            return Damage(table, "its log cannot be read")
        ails = {file.path: what for file in files if (what := self.ails(table, file))}
        if not ails:
            return None
        first, why = next(iter(ails.items()))
        return Damage(
            table,
            f"{len(ails)} of its {len(files)} data files: {first} {why}",
            ails,
            frozenset(file.partition for file in files if file.path in ails),
        )

    def _damaged_log(self, table: Table, own: Standing | None) -> str | None:
        """The fault of a log that can be opened; Delta ignores a commit whose file is empty."""
        commits = (self.log.folder(table) / LOG_FOLDER).glob("*.json")
        empty = [file.name for file in commits if file.stat().st_size == 0]
        if empty:
            return f"commit {empty[0]} of its log is empty"
        if own and own.undo_to is not None and not self._has_all(table, own.undo_to):
            return "another program wrote to it, and files of the version before are gone"
        if own and own.is_released and not table.is_ledger:
            rows = sum(file.rows for file in data_files(self.log, table))
            released = self.releases[-1].row_counts[table.full_name]
            if rows != released:
                return f"its log has {rows:,} rows, and the release has {released:,}"
        return None

    def _has_all(self, table: Table, version: int) -> bool:
        folder = self.log.folder(table)
        return version >= 0 and all((folder / f).exists() for f in self.log.files(table, version))

    def standing(self, table: Table) -> Standing | None:
        """The table compared with the newest release; None for the ledger, which no release pins."""
        own = standing(self.log, table, self.releases[-1] if self.releases else None)
        return None if table.is_ledger else own

    def ails(self, table: Table, file: DataFile) -> str | None:
        """The fault of a data file; None if the file is as it was written."""
        path = self.log.folder(table) / file.path
        if path not in self._ails:
            self._ails[path] = _ails(path, file, self.checksums.get(f"{table.path}/{file.path}"))
        return self._ails[path]


def data_files(log: Log, table: Table, version: int | None = None) -> Iterator[DataFile]:
    """The data files of a version, as its log describes them."""
    sizes = log.files(table, version)
    actions = pa.table(log.open(table, version).get_add_actions(flatten=True))
    rows = actions.column("num_records").to_pylist()
    name = f"partition.{table.partition}"
    is_partitioned = name in actions.column_names
    partitions = actions.column(name).to_pylist() if is_partitioned else [""] * len(rows)
    for (path, size), count, partition in zip(sizes.items(), rows, partitions, strict=True):
        yield DataFile(path, size, int(count or 0), partition or "")


def _ails(path: Path, file: DataFile, sha256: str | None) -> str | None:
    if not path.is_file():
        return "is gone"
    size = path.stat().st_size
    if size != file.size_bytes:
        return f"has {size:,} bytes, not {file.size_bytes:,}"
    if sha256 and fingerprint(path) != sha256:
        return "has other bytes than when it was written"
    try:
        rows = pq.read_metadata(path).num_rows
    except (pa.ArrowException, OSError):
        return "cannot be read"
    return None if rows == file.rows else f"has {rows:,} rows, not {file.rows:,}"


def examine_tables(datamart: Datamart) -> list[Finding]:
    """One finding per table about its newest version, and one about what its kept history has lost."""
    checked, tables = Checked(datamart), datamart.catalog.tables
    now = [_finding_now(checked, table) for table in tables]
    lost = [_finding_then(checked, table) for table in tables if not table.is_ledger]
    return [*filter(None, now), *filter(None, lost), *_spines(datamart.log)]


def _finding_now(checked: Checked, table: Table) -> Finding | None:
    damage = checked.damage(table)
    in_ledger = table.is_ledger
    if damage:
        return _bad(table, damage.what, _LEDGER if in_ledger else _REPAIR)
    if not checked.log.exists(table):
        return _absent(checked, table)
    own = checked.standing(table)
    if own and checked.releases and own.undo_to is not None:
        return _bad(table, "another program wrote to it", "the next run undoes that")
    if own and checked.releases and own.base < 0:
        return _bad(
            table,
            "it was made again or set back since the release",
            "the next run goes on from there",
        )
    files = list(data_files(checked.log, table))
    rows = sum(file.rows for file in files)
    stopped = ", with what a run has written since the release" if own and own.commits else ""
    return _finding(table, "ok", f"{rows:,} rows in {len(files):,} files{stopped}", "")


def _absent(checked: Checked, table: Table) -> Finding | None:
    if not table.is_ledger:
        pinned = checked.releases and table.full_name in checked.releases[-1].versions
        remedy = "the next run makes it again, or says what it lacks for that"
        return _bad(table, "the table is gone", remedy) if pinned else None
    ours = any(checked.log.exists(other) for other in checked.datamart.catalog.tables)
    return _bad(table, "the table is gone", _LEDGER) if ours else None


def _finding_then(checked: Checked, table: Table) -> Finding | None:
    """The finding about what earlier releases and training sets have lost of a table; None if nothing."""
    try:
        lost = {name: what for name, what in _lost_then(checked, table) if what}
    except DeltaError:
        return None  # the finding about the newest version says so
    if not lost:
        return None
    names = ", ".join(lost)
    return _bad(table, f"for {names}: {next(iter(lost.values()))}", _BACKUP)


def _lost_then(checked: Checked, table: Table) -> Iterator[tuple[str, str | None]]:
    """Each kept release except the newest, and each training set, with what it has lost of a table."""
    kept = [release for release in checked.releases[:-1] if release.is_kept]
    built = (receipt.pins for receipt in _receipts(checked.log))
    for pins in (*(release.pins for release in kept), *built):
        version = pins.versions.get(table.full_name)
        if version is not None:
            yield pins.name, _lost_version(checked, table, version, pins.moment)


def _receipts(log: Log) -> list[Receipt]:
    """Receipts of training sets that can still be built; empty if the ledger cannot be read."""
    try:
        return [receipt for receipt in receipts(log) if receipt.erased_at is None]
    except (LakehouseError, DeltaError, pa.ArrowException):
        return []


def _lost_version(checked: Checked, table: Table, version: int, moment: datetime) -> str | None:
    what = loss(checked.log, table, version, moment)
    if what:
        return f"version {version}: {what}"
    now = set(checked.log.files(table))
    for file in data_files(checked.log, table, version):
        ails = checked.ails(table, file)
        if ails and file.path not in now:
            return f"version {version}: {file.path} {ails}"
    return None


def _spines(log: Log) -> Iterator[Finding]:
    """One finding per stored spine that is gone: its training set cannot be built again."""
    for receipt in _receipts(log):
        sha256 = receipt.selection.spine
        file = log.place.on_this_machine() / spine_file(sha256) if sha256 else None
        if file and not _is_parquet(file):
            yield Finding(
                f"training set {receipt.training_set_id}",
                "damaged",
                f"its spine {file} is gone or cannot be read",
                _BACKUP,
            )


def _is_parquet(file: Path) -> bool:
    try:
        return bool(pq.read_metadata(file).num_columns)
    except (pa.ArrowException, OSError):
        return False


def _bad(table: Table, found: str, remedy: str) -> Finding:
    return _finding(table, "damaged", found, remedy)


def _finding(table: Table, state: str, found: str, remedy: str) -> Finding:
    return Finding(table.full_name, state, found, remedy)

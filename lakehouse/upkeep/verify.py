"""Checks, without an engine, that tables are still what their newest release says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.exceptions import DeltaError

from lakehouse.errors import LakehouseError, LedgerFault
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.months import spell
from lakehouse.progress import Progress, Steps, silent
from lakehouse.releases import published
from lakehouse.releases.go_back import heals_itself
from lakehouse.releases.ledger_copies import copied_keys
from lakehouse.releases.ledger_rows import rows
from lakehouse.releases.readable import loss
from lakehouse.releases.release import Pins, Release
from lakehouse.releases.salvage import salvage
from lakehouse.releases.standing import Standing, standing
from lakehouse.storage.commit_file import whole_until
from lakehouse.storage.data_file import DataFile, data_files
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.files import fingerprint
from lakehouse.storage.log import Log
from lakehouse.table import Table
from lakehouse.training.receipts import Receipt, receipts
from lakehouse.training.spine import spine_file
from lakehouse.upkeep.altered import Altered, altered, has_hashes, told
from lakehouse.upkeep.doctor import Finding
from lakehouse.upkeep.repeated import repeated_keys
from lakehouse.words import counted

_REPAIR = "python main.py run --repair repairs it from the raw files, or restore it from a backup"
_BACKUP = "restore it from a backup; newer versions are complete"
_LEDGER_RUN = "the next run takes it back, and puts its rows back from their copies"
_LEDGER_REPAIR = "python main.py run --repair puts every row back"


@dataclass(frozen=True)
class Damage:
    """The damage of a table's newest version: its log, data files (path -> what is wrong), keys, or rows.

    `partitions` are those of the files, those in which a key is there twice, or those of altered rows.
    """

    table: Table
    what: str
    files: Mapping[str, str] = field(default_factory=dict)
    partitions: frozenset[str] = frozenset()
    is_of_rows: bool = False

    @property
    def is_of_log(self) -> bool:
        """Whether nothing of the table can be kept."""
        return not self.partitions


@dataclass(frozen=True)
class Checked:
    """The tables of a datamart, checked; each data file is read only once."""

    datamart: Datamart
    _ails: dict[Path, str | None] = field(default_factory=dict)
    _hashed: dict[str, dict[str, Altered]] = field(default_factory=dict)

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

    def ledger_damage(self, table: Table) -> str:
        """The damage of a ledger table in words, also if it is gone; empty if all its rows are there."""
        damage = self.damage(table)
        if damage:
            return damage.what
        if not self.log.exists(table):
            is_needed = table == RELEASES and self.datamart.has_tables
            return "it is gone" if is_needed or copied_keys(self.log, table) else ""
        try:
            (rows if table.is_copied else Log.read)(self.log, table)
        except LedgerFault as fault:
            return fault.what
        except DeltaError:
            return "its rows cannot be read"
        return ""

    @cached_property
    def checksums(self) -> dict[str, str]:
        return published.checksums(self.releases)

    def damages(self) -> list[Damage]:
        """The damages of all tables of data; a table that does not exist at all does not count."""
        damages = (self.damage(table) for table in self.datamart.catalog.data)
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
            # Rows of another program are undone, whatever keys they have.
            is_foreign = own is not None and own.undo_to is not None
            return None if is_foreign else self._twice(table, files) or self._altered(table, files)
        first, why = next(iter(ails.items()))
        return Damage(
            table,
            f"{len(ails)} of its {len(files)} data files: {first} {why}",
            ails,
            frozenset(file.partition for file in files if file.path in ails),
        )

    def _twice(self, table: Table, files: Sequence[DataFile]) -> Damage | None:
        """Keys that two rows have, as after two runs that wrote at the same time."""
        surplus = {} if table.is_ledger else repeated_keys(self.log, table, files)
        if not surplus:
            return None
        return Damage(
            table,
            f"{sum(surplus.values()):,} rows of {spell(surplus)} have a key that another row has too",
            partitions=frozenset(surplus),
        )

    def _altered(self, table: Table, files: Sequence[DataFile]) -> Damage | None:
        """Rows whose cells are not those that were landed."""
        found = self.altered(table, files)
        within = frozenset(name for name, each in found.items() if each.rows)
        return Damage(table, told(found), partitions=within, is_of_rows=True) if within else None

    def altered(self, table: Table, files: Sequence[DataFile]) -> dict[str, Altered]:
        """The altered and unknown rows by partition; each table is read once."""
        if table.full_name not in self._hashed:
            self._hashed[table.full_name] = (
                altered(self.log, table, files) if has_hashes(table) else {}
            )
        return self._hashed[table.full_name]

    def _damaged_log(self, table: Table, own: Standing | None) -> str | None:
        """The fault of a log that can be opened, perhaps only at a version before its newest one."""
        _, fault = whole_until(self.log.folder(table))
        if fault:
            return fault
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


def examine_tables(datamart: Datamart, on_progress: Progress = silent) -> list[Finding]:
    """One finding per table about its newest version, and one about what its kept history has lost."""
    checked, tables, data = Checked(datamart), datamart.catalog.tables, datamart.catalog.data
    steps = Steps(on_progress, len(tables) + len(data))

    def begun(table: Table, doing: str) -> Table:
        steps.begin(table.full_name, doing)
        return table

    now = [_finding_now(checked, begun(table, "checking")) for table in tables]
    lost = [_finding_then(checked, begun(table, "checking its history")) for table in data]
    return [*filter(None, now), *filter(None, lost), *_spines(datamart.log)]


def examine_ledger(datamart: Datamart) -> list[Finding]:
    """One finding per table of the ledger that is damaged."""
    checked = Checked(datamart)
    return [
        _bad(table, what, _ledger_remedy(checked, table))
        for table in datamart.catalog.tables
        if table.is_ledger and (what := checked.ledger_damage(table))
    ]


def _finding_now(checked: Checked, table: Table) -> Finding | None:
    if table.is_ledger and (what := checked.ledger_damage(table)):
        return _bad(table, what, _ledger_remedy(checked, table))
    damage = checked.damage(table)
    if damage:
        return _bad(table, damage.what, _REPAIR)
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
    unknown = {
        name: n for name, each in checked.altered(table, files).items() if (n := each.unknown)
    }
    untold = (
        f"; the cells of {counted(sum(unknown.values()), 'row')} of {spell(unknown)} cannot be compared: an "
        "older program took them under names of undeclared columns that it did not keep"
    )
    held = f"{rows:,} rows in {len(files):,} files{stopped}{untold if unknown else ''}"
    return _finding(table, "ok", held, "")


def _absent(checked: Checked, table: Table) -> Finding | None:
    if not table.is_copied:
        pinned = checked.releases and table.full_name in checked.releases[-1].versions
        remedy = "the next run makes it again, or says what it lacks for that"
        return _bad(table, "the table is gone", remedy) if pinned else None
    remedy = "the next run makes an empty one; if it had rows, restore it from a backup"
    return _bad(table, "the table is gone", remedy) if checked.datamart.has_tables else None


def _ledger_remedy(checked: Checked, table: Table) -> str:
    """The command that mends a ledger table, and what it cannot bring back."""
    # A run with nothing to do reads no other table of the ledger.
    if table == RELEASES and checked.log.exists(table) and heals_itself(checked.log, table):
        return _LEDGER_RUN
    salvaged = salvage(checked.datamart, table)
    if salvaged.lost:
        return f"restore it from a backup; run --repair keeps the rest without {', '.join(salvaged.lost)}"
    return "; ".join([_LEDGER_REPAIR, *salvaged.notes])


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
    by_number = {release.number: release for release in checked.releases}
    built = (pins for receipt in _receipts(checked.log) for pins in receipt.pins(by_number))
    for pins in (*(release.pins for release in kept), *built):
        if table.full_name in pins.versions:
            yield pins.name, _lost_version(checked, table, pins)


def _receipts(log: Log) -> list[Receipt]:
    """Receipts of training sets that can still be built; empty if the ledger cannot be read."""
    try:
        return [receipt for receipt in receipts(log) if receipt.erased_at is None]
    except (LakehouseError, DeltaError, pa.ArrowException):
        return []


def _lost_version(checked: Checked, table: Table, pins: Pins) -> str | None:
    version = pins.versions[table.full_name]
    what = loss(checked.log, table, pins)
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

"""Saves what can still be read of a damaged table of the ledger: from its copies, and all its data files."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deltalake.exceptions import DeltaError

from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.releases.from_notes import Rebuilt, rebuilt
from lakehouse.releases.ledger_check import named
from lakehouse.releases.ledger_copies import copied_keys, copies
from lakehouse.releases.ledger_rows import unchecked_rows, write
from lakehouse.releases.release import Release
from lakehouse.releases.row_hash import is_sound, row_hash
from lakehouse.storage.commit import ChangedRows
from lakehouse.storage.commit_file import commit_files
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from lakehouse.table import ROW_HASH, Table

Row = dict[str, Any]
_MARKS = ("given_up_at", "erased_at")


@dataclass(frozen=True)
class Salvaged:
    """The rows that a ledger table can have again.

    `notes` are lines about rows that know less than before. `lost` names what no place holds any more.
    """

    rows: list[Row]
    notes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def salvage(datamart: Datamart, table: Table) -> Salvaged:
    """Everything of a damaged ledger table that some place holds; nothing is changed."""
    log, key = datamart.log, table.keys[0]
    if not table.is_copied:
        newest = {tuple(row[name] for name in table.keys): row for row in _in_files(log, table)}
        return Salvaged([*newest.values()])
    by_key = _by_key(datamart, table)
    short = _number_of_rows(log, table) - len(by_key)
    unknown = not (by_key or copied_keys(log, table) or _is_open(log, table))
    if table != RELEASES:
        lost = [f"{short} rows of {table.full_name}"] if short > 0 else []
        lost += [f"all rows of {table.full_name}"] if unknown and _had_rows(log, table) else []
        return Salvaged(_in_order(by_key.values(), key), lost=tuple(lost))
    held = [Release.from_row(row) for row in by_key.values()]
    again = rebuilt(datamart, held)
    by_key |= {release.number: release.as_row() for release in again.releases}
    lost = [named(table, number) for number in _missing(log, by_key, again)]
    lost += ["every release"] if unknown and not by_key else []
    return Salvaged(_in_order(by_key.values(), key), again.notes, tuple(lost))


def _by_key(datamart: Datamart, table: Table) -> dict[Any, Row]:
    """The newest row of each key in the data files and the copies."""
    states: dict[Any, dict[str, Row]] = {}
    # Copies are the newest, if no one has set them back.
    for row in (*_in_files(datamart.log, table), *copies(datamart.log, table).values()):
        of_key = states.setdefault(row[table.keys[0]], {})
        of_key.pop(row_hash(row), None)
        of_key[row_hash(row)] = row
    return {key: _newest(datamart, [*of_key.values()]) for key, of_key in states.items()}


def _newest(datamart: Datamart, states: list[Row]) -> Row:
    """The newest of several states of a row, older ones first.

    Without a log their order is not certain. A row with a mark of an erasure or a vacuum is newer than one
    without, and a release counts the rows that the tables have now.
    """

    def age(row: Row) -> tuple[bool, bool]:
        return any(row.get(name) for name in _MARKS), _counts_rows(datamart, row)

    newest = max(map(age, states)) if len(states) > 1 else None
    return next(row for row in reversed(states) if newest is None or age(row) == newest)


def _counts_rows(datamart: Datamart, row: Row) -> bool:
    """Whether a release has the numbers of rows that the logs of its tables have."""
    log, tables = datamart.log, datamart.catalog.data
    counts, versions = row.get("row_counts", {}), row.get("versions", {})
    try:
        return all(
            sum(log.rows_by_month(table, versions[table.full_name]).values())
            == counts[table.full_name]
            for table in tables
            if table.full_name in versions and table.full_name in counts
        )
    except DeltaError:
        return False


def _had_rows(log: Log, table: Table) -> bool:
    """Whether anything that is left of a table tells of a row: a commit or a data file."""
    return any(True for _ in _files(log, table))


def _in_order(rows: Iterable[Row], key: str) -> list[Row]:
    return sorted(rows, key=lambda row: row[key])


def _missing(log: Log, by_number: dict[int, Row], again: Rebuilt) -> list[int]:
    """Numbers of releases that are not there, up to the largest that anything tells of."""
    told = {*by_number, *again.told, *(int(key) for key in copied_keys(log, RELEASES))}
    return sorted({*range(min(told), max(told) + 1)} - by_number.keys()) if told else []


def _is_open(log: Log, table: Table) -> bool:
    try:
        return log.exists(table) and log.open(table).version() >= 0
    except DeltaError:
        return False


def _number_of_rows(log: Log, table: Table) -> int:
    """The rows that the log says the table has; 0 if it cannot be read."""
    return sum(log.rows_by_month(table).values()) if _is_open(log, table) else 0


def _in_files(log: Log, table: Table) -> Iterator[Row]:
    """The rows of all data files of a table, older ones first.

    A row with a hash must be as it was written. One without must be of this program.
    """
    for file, is_ours in _files(log, table):
        for row in _read(table, file):
            if is_sound(row) if row.get(ROW_HASH) else is_ours:
                yield row


def _files(log: Log, table: Table) -> Iterator[tuple[Path, bool]]:
    """Each data file that is there, and whether no other program committed it; older ones first."""
    folder = log.folder(table)
    commits = [commit for commit in commit_files(folder) if not commit.fault]
    named_files = {name for commit in commits for name in commit.data_files}
    for file in sorted(folder.rglob("*.parquet"), key=lambda file: file.stat().st_mtime):
        within = file.relative_to(folder).as_posix()
        if not within.startswith("_") and within not in named_files:
            yield file, True
    for commit in commits:
        for name in commit.data_files:
            if not name.startswith("_"):
                yield folder / name, commit.is_ours


def _read(table: Table, file: Path) -> list[Row]:
    """The rows of a data file with maps as dicts; none if it cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.ParquetFile(file).read().to_pylist()
    except (OSError, ValueError, pa.ArrowException):
        return []
    if any(row.get(table.keys[0]) is None for row in rows):
        return []
    maps = [each.name for each in table.fields if each.type.startswith("MAP<")]
    return [{**row, **{name: dict(row.get(name) or []) for name in maps}} for row in rows]


def put_back(log: Log, table: Table) -> list[str]:
    """Put rows that have a copy back into a ledger table that lacks them; one line if there are any."""
    key = table.keys[0]
    held = {row[key] for row in unchecked_rows(log, table)}
    lacking = [row for number, row in copies(log, table).items() if number not in held]
    if not lacking:
        return []
    note = CommitNote(run_id=uuid.uuid4().hex[:12])
    write(log, table, lacking, note, "append", ChangedRows(len(lacking), 0, 0))
    names = ", ".join(named(table, row[key]) for row in lacking)
    return [
        f"{table.full_name}: {names} put back from {'its copy' if len(lacking) == 1 else 'copies'}"
    ]

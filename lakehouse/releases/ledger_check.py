"""Checks that the rows of a ledger table are those that this program wrote: none edited, gone or doubled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from lakehouse.errors import LedgerFault
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.releases.ledger_copies import copied_keys, copies_folder, keys_of
from lakehouse.releases.row_hash import is_sound
from lakehouse.storage.log import Log
from lakehouse.table import ROW_HASH, Table

Rows = Sequence[Mapping[str, Any]]
# The state of a table when its rows were last found right, so that a process checks them once.
_RIGHT: WeakKeyDictionary[Log, dict[str, Hashable]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Seen:
    """The state of a ledger table and the keys of its copies, taken before its rows are read.

    Rows that are read later have at least the keys that were copied before, also beside a run.
    """

    stamp: Hashable
    copied: frozenset[str]

    @classmethod
    def now(cls, log: Log, table: Table) -> Seen:
        """The state now; it is not known if the table is not there."""
        copied = log.place.entries(copies_folder(table))
        if not log.exists(table):
            return cls(None, copied_keys(log, table))
        return cls((log.stamp(table), copied), keys_of(table, (name for name, *_ in copied)))


def check_rows(log: Log, table: Table, rows: Rows, seen: Seen) -> None:
    """LedgerFault if a row was edited, removed, doubled or added by another program."""
    right = _RIGHT.setdefault(log, {})
    if seen.stamp is not None and right.get(table.path) == seen.stamp:
        return
    first = next(faults(table, rows, seen.copied), None)
    if first:
        raise LedgerFault(first)
    right[table.path] = seen.stamp


def faults(table: Table, rows: Rows, copied: Collection[str]) -> Iterator[str]:
    """The faults of the rows of a ledger table, in words; `copied` are the keys of its copies.

    Rows of an older program have no hash. If any row has a copy, all rows have a hash.
    """
    key, name = table.keys[0], table.full_name
    for value, count in Counter(row[key] for row in rows).items():
        if count > 1:
            yield f"{name} has {named(table, value)} {count} times"
    for row in rows:
        if row.get(ROW_HASH) and not is_sound(row):
            yield f"{named(table, row[key])} of {name} has other cells than when it was written"
        elif copied and not row.get(ROW_HASH):
            yield f"{named(table, row[key])} of {name} was not written by this program"
    gone = {*copied} - {str(row[key]) for row in rows}
    for value in sorted(gone, key=lambda text: (len(text), text)):
        yield f"{name} lacks {named(table, value)}"
    if table == RELEASES and not copied:
        yield from (f"{name} lacks release {number}" for number in _gaps(rows))


def _gaps(rows: Rows) -> list[int]:
    """The numbers of releases that are not there, between two that have a hash."""
    numbers = {row["release"] for row in rows if row.get(ROW_HASH)}
    return sorted({*range(min(numbers), max(numbers))} - numbers) if numbers else []


def named(table: Table, key: object) -> str:
    """A row in words, as `release 2` or `training set ts-1`."""
    return f"{table.keys[0].removesuffix('_id').replace('_', ' ')} {key}"

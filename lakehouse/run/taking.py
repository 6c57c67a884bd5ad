"""Writes months of a bronze table and of `bronze.superseded`, in an order in which a kill loses no row.

1. Into `superseded`: the rows in whose place another one will stand. One that is to leave the table is then
   in both.
2. The table: the rows that stand now. From here on, one that comes out of `superseded` is in both.
3. Out of `superseded`: the rows that the table has now.

Each step is on the disk before the next one.

- A kill after 1: the table does not say that the files are taken, and the note in `superseded` says that they
  were begun. So they are read again, with the same result: a row that is in both counts once.
- A kill after 2: the table says that the files are taken. The next run sees commits without a release, and
  does step 3 by what is there (`settle`).
- A kill between groups of months: the note of the table has the months that are pending, as for any table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.bronze.superseded import TABLE as SUPERSEDED
from lakehouse.engines.store import Merged, Store, add
from lakehouse.run.superseded_rows import settled
from lakehouse.run.superseding import Changes
from lakehouse.run.union import Rules, Said, contested, judged
from lakehouse.storage.commit_note import CommitNote
from lakehouse.table import MONTH, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Written:
    """The commits of a delivery: those of its bronze table, and those of `bronze.superseded`."""

    table: Sequence[Merged] = ()
    superseded: Sequence[Merged] = ()

    def __add__(self, other: Written) -> Written:
        return Written((*self.table, *other.table), (*self.superseded, *other.superseded))


@dataclass(frozen=True)
class Target:
    """Months of a bronze table to write to, and of `bronze.superseded`, where `begun` is the note.

    Only one table at a time writes to `superseded`: it holds the lock `alone`.
    """

    store: Store
    table: Table
    months: Sequence[str]
    begun: CommitNote
    alone: Lock

    def append(self, rules: Rules, said: Said, note: CommitNote) -> Written:
        """Write months that hold nothing yet."""
        superseded: list[Merged] = []
        if said.has_contested:
            few = contested(said, self.table)
            with judged(self.store, self.table, rules, few) as kept:
                changes = Changes(self.table, kept, few)
                superseded = self._supersede(changes.of_superseded(), insert_only=True)
        return Written(add(self.store, self.table, said.new, note, self.months), superseded)

    def unite(self, rules: Rules, said: Said, note: CommitNote) -> Written:
        """Write months that hold something."""
        with judged(self.store, self.table, rules, said) as kept:
            changes = Changes(self.table, kept, said)
            superseded = self._supersede(changes.of_superseded())
            rows = changes.of_bronze()
            written = self.merge(rows, note) if rows is not None else Written()
            if changes.settles:
                for merged in written.table:
                    self.store.log.sync_commits(self.table, since=merged.version - 1)
                superseded += self._supersede(changes.of_settled())
        return written + Written((), superseded)

    def merge(self, changes: DataFrame, note: CommitNote) -> Written:
        """Merge changes into the table."""
        return Written(self.store.merge(self.table, changes, note, self.months))

    def settle(self) -> list[Merged]:
        """Take the rows out of `superseded` that the table has: a run was stopped before it did."""
        held = held_of(self.store, self.table, self.months)
        if held is None:
            return []
        bronze = self.store.read(self.table).where(F.col(MONTH).isin(list(self.months)))
        return self._supersede(settled(held, bronze, self.table))

    def _supersede(self, changes: DataFrame | None, insert_only: bool = False) -> list[Merged]:
        if changes is None:
            return []
        with self.alone:
            merges = self.store.merge(SUPERSEDED, changes, self.begun, self.months, insert_only)
            for merged in merges:
                self.store.log.sync_commits(SUPERSEDED, since=merged.version - 1)
        return merges


def held_of(
    store: Store, table: Table, months: Sequence[str], version: int | None = None
) -> DataFrame | None:
    """The rows of `bronze.superseded` of a table's source in some months; None if there are none."""
    assert table.source is not None
    log = store.log
    if not log.exists(SUPERSEDED) or not {*months} & {*log.rows_by_month(SUPERSEDED, version)}:
        return None
    rows = store.read(SUPERSEDED, version).where(F.col(MONTH).isin(list(months)))
    own = rows.where(F.col("source") == table.source.name)
    return own if own.select(MONTH).limit(1).collect() else None

"""What an engine can do with tables, and the changes that are merged: one interface, two forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lakehouse.engines.changes import upserts
from lakehouse.storage.commit import ChangedRows
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.log import Log
from lakehouse.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class Merged:
    """What one MERGE did: the version it left, and rows by kind."""

    version: int
    rows: ChangedRows

    @property
    def changed(self) -> int:
        """How many rows are other than before."""
        return self.rows.inserted + self.rows.updated + self.rows.deleted


class Store(Protocol):
    """One engine on one datamart."""

    name: str
    log: Log
    spark: SparkSession

    @property
    def reads_this_machine(self) -> bool:
        """Whether what computes finds the files of this machine, as all do but a cluster on a store."""

    def path(self, path: str | Path) -> str:
        """The path by which this engine finds a file or folder, whatever characters its own has."""

    def read(self, table: Table, version: int | None = None) -> DataFrame:
        """The table as it was at a Delta version; now where none is given."""

    def read_parquet(self, path: str) -> DataFrame:
        """A Parquet file of the landing."""

    def write_parquet(self, rows: DataFrame, folder: Path) -> None:
        """Rows as Parquet files in a new folder of this machine, wherever they are computed."""

    def months_at_once(self, cells_a_month: int, months: int) -> int:
        """How many of the months may be computed at once, each of so many cells."""

    def tables_at_once(self, raw_bytes: int) -> int:
        """How many tables may be worked on at once, for so many bytes of raw files at work together."""

    def merge(
        self,
        table: Table,
        changes: DataFrame,
        note: CommitNote,
        months: Sequence[str] = (),
        insert_only: bool = False,
    ) -> list[Merged]:
        """Merge changes (the table's columns and `_operation`) on the table's keys.

        No change makes no version; what is too much for one commit makes several, each of which
        says in `pending_months` which of the months come after it. `months` are those the changes
        may be of, where the table is partitioned by month. `insert_only` says that no key of the
        changes is in the table.
        """

    def load(self, table: Table, rows: DataFrame, note: CommitNote) -> list[Merged]:
        """Write rows (the table's columns) into a table that holds none of their keys, in one commit.

        What a merge would do, without looking for rows to match or writing each a second time as a change.
        """

    def compact(self, table: Table, note: CommitNote) -> int | None:
        """Write small files of a partition together, rows unchanged; the new version, None without."""


def add(
    store: Store, table: Table, rows: DataFrame, note: CommitNote, months: Sequence[str]
) -> list[Merged]:
    """Write rows of months of which the table has none; keys are looked for only beside other writers."""
    if store.log.place.has_one_writer:
        return store.load(table, rows, note)
    return store.merge(table, upserts(rows), note, months, insert_only=True)

"""The interface of the engines: how tables are read, merged and written; there are two engines."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lakehouse.engines.changes import upserts
from lakehouse.errors import LakehouseError
from lakehouse.storage.commit import ChangedRows
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from lakehouse.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class Merged:
    """The result of one MERGE: the version that it made, and the rows that it changed."""

    version: int
    rows: ChangedRows

    @property
    def changed(self) -> int:
        """The number of rows that changed."""
        return self.rows.inserted + self.rows.updated + self.rows.deleted


class Store(Protocol):
    """One engine on one datamart."""

    name: str
    datamart: Datamart
    spark: SparkSession

    @property
    def log(self) -> Log:
        """The logs of the datamart's tables."""

    @property
    def reads_this_machine(self) -> bool:
        """Whether the engine can read files of this machine; a cluster on an object store cannot."""

    def path(self, path: str | Path) -> str:
        """The path with which this engine finds a file or folder, whatever characters are in it."""

    def read(self, table: Table, version: int | None = None) -> DataFrame:
        """The table at a Delta version, or the newest one if none is given."""

    def show_as(self, view: str, table: Table, version: int | None = None) -> None:
        """Give the table at a version a name in the SQL of this session; the newest one if none is given."""

    def read_parquet(self, path: str) -> DataFrame:
        """The rows of a Parquet file."""

    def read_own(self, file: Path) -> DataFrame:
        """The rows of a Parquet file of this machine, wherever they are computed."""

    def write_parquet(self, rows: DataFrame, folder: Path) -> None:
        """Write rows as Parquet files into a new folder of this machine, wherever they are computed."""

    def kept(self, rows: DataFrame) -> AbstractContextManager[DataFrame]:
        """The rows, computed once for all that is made of them."""

    def months_at_once(self, cells_a_month: int, months: int) -> int:
        """The number of months that may be computed at once, if each has this number of cells."""

    def tables_at_once(self, raw_bytes: int) -> int:
        """The number of tables to work on at once, if the raw files at work have this size together."""

    def merge(
        self,
        table: Table,
        changes: DataFrame,
        note: CommitNote,
        months: Sequence[str] = (),
        insert_only: bool = False,
    ) -> list[Merged]:
        """Merge changes (the table's columns and `_operation`) on the table's keys.

        Without a change there is no new version. Changes that are too much for one commit become
        several, and each says in `pending_months` which months come after it. `months` are the months
        that may have changes, if the table is partitioned by month. `insert_only` says that the table
        has no key of the changes.
        """

    def load(
        self, table: Table, rows: DataFrame, note: CommitNote, months: Sequence[str]
    ) -> list[Merged]:
        """Write rows (the table's columns) of months that the table does not have, in one commit.

        The result is that of a merge. But no rows are matched, and no row is written again as a change.
        LakehouseError if another process has written one of the months meanwhile.
        """

    def compact(self, table: Table, note: CommitNote) -> int | None:
        """Join the small files of each partition, without changing rows; the new version, or None."""


def overtaken(table: Table) -> LakehouseError:
    """The error of a run beside which another one has written."""
    return LakehouseError(
        f"{table.full_name}: another run wrote to it while this run was at work, which the lock should "
        "not allow; nothing is published; start again when no other is at work"
    )


def add(
    store: Store, table: Table, rows: DataFrame, note: CommitNote, months: Sequence[str]
) -> list[Merged]:
    """Write rows of months that the table does not have; keys are matched only if others may write too."""
    if store.log.place.has_one_writer:
        return store.load(table, rows, note, months)
    return store.merge(table, upserts(rows), note, months, insert_only=True)

"""Delta logs, read and created without an engine: versions, commits, months, rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from deltalake import (
    CommitProperties,
    DeltaTable,
    QueryBuilder,
    write_deltalake,
)
from deltalake.exceptions import DeltaError

from lakehouse.storage.commit import Commit
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.delta_schema import schema
from lakehouse.storage.folder import Entries
from lakehouse.storage.layout import LOG_FOLDER
from lakehouse.storage.place import Place, place
from lakehouse.table import Table

T = TypeVar("T")
# Ten years. By default time travel ends 7 days after a commit, even if the files still exist.
_KEPT = "interval 3650 days"
_PROPERTIES = {
    "delta.enableChangeDataFeed": "true",
    "delta.deletedFileRetentionDuration": _KEPT,
    "delta.logRetentionDuration": _KEPT,
    # No checkpoints except those of vacuum, because Sail opens no version before the last checkpoint.
    "delta.checkpointInterval": "2147483647",
    # No statistics of columns. Months prune by partition. And Sail would take a column that has one value
    # from the JSON of the log, which rounds a double in its last place.
    "delta.dataSkippingNumIndexedCols": "0",
    # Protocol 4 has the change feed and CHECK constraints, and both engines can write it.
    "delta.minReaderVersion": "1",
    "delta.minWriterVersion": "4",
}


class Log:
    """The tables of one datamart, read from their Delta logs."""

    def __init__(self, root: str | Place) -> None:
        # Delta's SQL takes a relative path for the name of a table.
        self.place = place(root).resolved()
        self.root = str(self.place)
        self._opened: dict[tuple[str, int | None], tuple[Entries, DeltaTable]] = {}
        self._read: dict[tuple[str, int | None], tuple[DeltaTable, int, list[dict[str, Any]]]] = {}

    def of_each(self, tables: Sequence[Table], ask: Callable[[Table], T]) -> list[T]:
        """Call `ask` with each table and return the answers in order; in a store all at the same time."""
        return self.place.ask_each(ask, tables)

    def folder(self, table: Table) -> Path:
        """The folder of a table; BadInput if the datamart is in an object store."""
        return self.place.on_this_machine() / table.path

    def uri(self, table: Table) -> str:
        return f"{self.root}/{table.path}"

    def open(self, table: Table, version: int | None = None) -> DeltaTable:
        return DeltaTable(self.uri(table), version=version)

    def _seen(self, table: Table, version: int | None = None) -> DeltaTable:
        """The table, to be read only. It is opened once, which reads its whole log, and then updated."""
        # Listed before the table is opened: a commit in between is seen the next time.
        entries = self.place.entries(f"{table.path}/{LOG_FOLDER}")
        if entries is None:
            return self.open(table, version)
        earlier_entries, opened = self._opened.get((table.path, version), (entries, None))
        if opened is None or not earlier_entries <= entries:
            opened = self.open(table, version)
        elif earlier_entries != entries and version is None:
            opened.update_incremental()
        self._opened[table.path, version] = (entries, opened)
        return opened

    def stamp(self, table: Table) -> Hashable:
        """A value that changes with each commit of a table, and if the table is replaced."""
        # The files are listed, because to open a table takes longer with each commit: 45 ms with 120.
        entries = self.place.entries(f"{table.path}/{LOG_FOLDER}")
        if entries is not None:
            return entries
        opened = self.open(table)
        return opened.metadata().id, opened.version()

    def exists(self, table: Table) -> bool:
        return DeltaTable.is_deltatable(self.uri(table))

    def version(self, table: Table) -> int | None:
        return self._seen(table).version() if self.exists(table) else None

    def history(self, table: Table, limit: int | None = None) -> list[Commit]:
        """The table's commits, newest first."""
        return [Commit.of(entry) for entry in self._seen(table).history(limit)]

    def newest_commit(self, table: Table) -> Commit | None:
        """The newest commit; None if there is no such table."""
        if not self.exists(table):
            return None
        newest = self.history(table, 1)
        if not newest:
            raise DeltaError(f"{table.full_name}: the newest commit is empty")
        return newest[0]

    def rows_by_month(self, table: Table, version: int | None = None) -> dict[str, int]:
        """Rows per partition, from the log's statistics; one entry `` if the table is not partitioned."""
        actions = self._seen(table, version).get_add_actions(flatten=True)
        # Only these two columns, because statistics of other columns may not fit into Python's values.
        counts = actions.column("num_records").to_pylist()
        partition = f"partition.{table.partition}"
        is_partitioned = partition in actions.column_names
        months = actions.column(partition).to_pylist() if is_partitioned else [""] * len(counts)
        rows_by_month: dict[str, int] = {}
        for month, count in zip(months, counts, strict=True):
            rows_by_month[month or ""] = rows_by_month.get(month or "", 0) + int(count or 0)
        return rows_by_month

    def files(self, table: Table, version: int | None = None) -> dict[str, int]:
        """The size in bytes of each data file of a version, by its path in the table's folder."""
        actions = self._seen(table, version).get_add_actions()
        paths, sizes = (actions.column(name).to_pylist() for name in ("path", "size_bytes"))
        return {unquote(path): size for path, size in zip(paths, sizes, strict=True)}

    def lacking(self, table: Table, files: Iterable[str]) -> set[str]:
        """The data files of these that do not exist any more."""
        return self.place.lacking(table.path, files)

    def made_at(self, table: Table) -> datetime | None:
        """When the table was created, UTC; None if there is no table or its log does not say."""
        milliseconds = self._seen(table).metadata().created_time if self.exists(table) else None
        return datetime.fromtimestamp(milliseconds / 1000, timezone.utc) if milliseconds else None

    def changed_months(self, table: Table, since: int, until: int) -> set[str]:
        """The months with a row that changed after version `since`, up to version `until`."""
        if since >= until:
            return set()
        import pyarrow as pa

        try:
            feed = self._seen(table).load_cdf(since + 1, until, columns=["month"])
            months: set[str] = set()
            for batch in pa.RecordBatchReader.from_stream(feed):
                months |= set(
                    months_of(pa.chunked_array([batch.column("month")]).unique().to_pylist())
                )
        except (DeltaError, pa.ArrowException):
            # A file of the change feed is lost, so a row of any month may have changed.
            ends = (self.rows_by_month(table, version) for version in (max(since, 0), until))
            return {month for by_month in ends for month in months_of(by_month)}
        return months

    def read(self, table: Table, version: int | None = None) -> list[dict[str, Any]]:
        """All rows of a small table, such as the ledger; maps as pairs. DeltaError if a file is lost."""
        opened = self._seen(table, version)
        newest = opened.version()
        read_from, read_version, rows = self._read.get((table.path, version), (None, newest, []))
        if read_from is not opened or read_version != newest:
            rows = _rows(opened, table.full_name)
            self._read[table.path, version] = (opened, newest, rows)
        return [dict(row) for row in rows]

    def create(self, table: Table) -> None:
        """Create the empty table with its comments, change feed and constraints."""
        created = DeltaTable.create(
            self.uri(table),
            schema=schema(table),
            partition_by=[table.partition] if table.partition else None,
            name=table.name,
            description=table.doc,
            configuration=_PROPERTIES,
        )
        if table.expectations:
            created.alter.add_constraint(dict(table.expectations))

    def columns(self, table: Table, version: int | None = None) -> dict[str, str]:
        """Name and type of each column of the table, now or at a version."""
        return {f.name: str(f.type) for f in self._seen(table, version).schema().fields}

    def add_columns(self, table: Table, names: Iterable[str]) -> None:
        wanted = set(names)
        self.open(table).alter.add_columns([f for f in schema(table).fields if f.name in wanted])

    def restore(self, table: Table, version: int, note: CommitNote) -> None:
        """Restore an earlier version as a new version; DeltaError if one of its files is gone."""
        self.open(table).restore(version, commit_properties=commit_properties(note))

    def take_out_missing(self, table: Table, note: CommitNote) -> None:
        """Commit a version without the files that are missing on the disk."""
        self.open(table).repair(commit_properties=commit_properties(note))

    def replace_schema(self, table: Table, note: CommitNote) -> None:
        """Commit an empty version with the declared columns; Delta cannot drop a column without a rewrite."""
        import pyarrow as pa

        empty = pa.schema(schema(table).to_arrow()).empty_table()
        write_deltalake(
            self.open(table),
            empty,
            mode="overwrite",
            schema_mode="overwrite",
            commit_properties=commit_properties(note),
        )


def _rows(opened: DeltaTable, name: str) -> list[dict[str, Any]]:
    # Not to_pyarrow_table: its reading threads may outlive the interpreter and abort it at exit. And not
    # pyarrow at all: its import would take a fifth of a run with nothing to do.
    rows = QueryBuilder().register("t", opened).execute("SELECT * FROM t")
    try:
        batch = rows.read_all()
    except Exception as error:
        # delta-rs raises its reading errors as Exception itself, not as a narrower type.
        if type(error) is not Exception:
            raise
        raise DeltaError(f"{name}: {error}") from error
    columns = (batch.column(name).to_pylist() for name in batch.column_names)
    return [dict(zip(batch.column_names, row, strict=True)) for row in zip(*columns, strict=True)]


def commit_properties(note: CommitNote) -> CommitProperties:
    """The note as a commit's `userMetadata`, where Spark keeps it too, so that both engines read it."""
    return CommitProperties(custom_metadata={"userMetadata": note.as_json()})


def months_of(rows: Sequence[str] | Iterable[str]) -> list[str]:
    return sorted(month for month in rows if month)

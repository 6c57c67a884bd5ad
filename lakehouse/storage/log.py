"""Delta logs, read and set up without any engine: versions, commits, months, rows, schema."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from deltalake import (
    CommitProperties,
    DeltaTable,
    Field,
    QueryBuilder,
    Schema,
    write_deltalake,
)
from deltalake.exceptions import DeltaError
from deltalake.schema import ArrayType, MapType, PrimitiveType

from lakehouse.storage.commit import Commit
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.folder import Entries
from lakehouse.storage.layout import LOG_FOLDER
from lakehouse.storage.place import Place, place
from lakehouse.table import Table

T = TypeVar("T")
# Ten years: by default time travel ends 7 days after a commit, though the files are still there.
_KEPT = "interval 3650 days"
_PROPERTIES = {
    "delta.enableChangeDataFeed": "true",
    "delta.deletedFileRetentionDuration": _KEPT,
    "delta.logRetentionDuration": _KEPT,
    # None but vacuum's: where one is named as the last, Sail opens no version before it.
    "delta.checkpointInterval": "2147483647",
    # No statistics of columns: months prune by partition, and Sail takes a column of one value out of
    # the log's JSON, which rounds a double in its last place.
    "delta.dataSkippingNumIndexedCols": "0",
    # Protocol 4 has the change feed and CHECK constraints, and both engines write it.
    "delta.minReaderVersion": "1",
    "delta.minWriterVersion": "4",
}
_PRIMITIVES = {
    "STRING": "string",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "DOUBLE": "double",
    "INT": "integer",
    "BIGINT": "long",
    "BOOLEAN": "boolean",
}


class Log:
    """The tables of one datamart by their Delta logs."""

    def __init__(self, root: str | Place) -> None:
        # Delta's SQL takes a path that is not absolute for the name of a table.
        self.place = place(root).resolved()
        self.root = str(self.place)
        self._opened: dict[tuple[str, int | None], tuple[Entries, DeltaTable]] = {}
        self._read: dict[tuple[str, int | None], tuple[DeltaTable, int, list[dict[str, Any]]]] = {}

    def of_each(self, tables: Sequence[Table], ask: Callable[[Table], T]) -> list[T]:
        """What is asked of each table, in their order; at once where every look is a way to a store."""
        return self.place.ask_each(ask, tables)

    def folder(self, table: Table) -> Path:
        """The folder of a table; BadInput where the datamart is in an object store."""
        return self.place.on_this_machine() / table.path

    def uri(self, table: Table) -> str:
        return f"{self.root}/{table.path}"

    def open(self, table: Table, version: int | None = None) -> DeltaTable:
        return DeltaTable(self.uri(table), version=version)

    def _seen(self, table: Table, version: int | None = None) -> DeltaTable:
        """The table, only to be read: opened once, as that reads all its log, then led on by new commits."""
        # Before the table: what is committed in between counts as a change at the next look.
        entries = self.place.entries(f"{table.path}/{LOG_FOLDER}")
        if entries is None:
            return self.open(table, version)
        known, opened = self._opened.get((table.path, version), (entries, None))
        if opened is None or not known <= entries:
            opened = self.open(table, version)
        elif known != entries and version is None:
            opened.update_incremental()
        self._opened[table.path, version] = (entries, opened)
        return opened

    def stamp(self, table: Table) -> Hashable:
        """What changes with each commit of a table, and with a table put in its place."""
        # To open the table takes the longer, the more commits it has: 45 ms with 120.
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
        """The newest commit; None where the table is not there."""
        if not self.exists(table):
            return None
        newest = self.history(table, 1)
        if not newest:
            raise DeltaError(f"{table.full_name}: the newest commit is empty")
        return newest[0]

    def rows_by_month(self, table: Table, version: int | None = None) -> dict[str, int]:
        """Rows a partition (`` where the table has none), out of the log's statistics."""
        actions = self._seen(table, version).get_add_actions(flatten=True)
        # These two alone: statistics of other columns need not fit into Python's values.
        counts = actions.column("num_records").to_pylist()
        partition = f"partition.{table.partition}"
        known = partition in actions.column_names
        months = actions.column(partition).to_pylist() if known else [""] * len(counts)
        rows: dict[str, int] = {}
        for month, count in zip(months, counts, strict=True):
            rows[month or ""] = rows.get(month or "", 0) + int(count or 0)
        return rows

    def files(self, table: Table, version: int | None = None) -> dict[str, int]:
        """Bytes of each data file of a version, by its path in the table's folder as it is on disk."""
        actions = self._seen(table, version).get_add_actions()
        paths, sizes = (actions.column(name).to_pylist() for name in ("path", "size_bytes"))
        return {unquote(path): size for path, size in zip(paths, sizes, strict=True)}

    def lacking(self, table: Table, files: Iterable[str]) -> set[str]:
        """Those data files of a table that are not there any more."""
        return self.place.lacking(table.path, files)

    def made_at(self, table: Table) -> datetime | None:
        """When the table was created, UTC; None where it is not there or does not say."""
        milliseconds = self._seen(table).metadata().created_time if self.exists(table) else None
        return datetime.fromtimestamp(milliseconds / 1000, timezone.utc) if milliseconds else None

    def changed_months(self, table: Table, since: int, until: int) -> set[str]:
        """Months with a row that changed after version `since`, up to version `until`."""
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
            # A file of the feed is lost: a row of any month may have changed.
            ends = (self.rows_by_month(table, version) for version in (max(since, 0), until))
            return {month for by_month in ends for month in months_of(by_month)}
        return months

    def read(self, table: Table, version: int | None = None) -> list[dict[str, Any]]:
        """Rows of a small table, such as the ledger's; maps as pairs, DeltaError where a file is lost."""
        seen = self._seen(table, version)
        now = seen.version()
        of, at, rows = self._read.get((table.path, version), (None, now, []))
        if of is not seen or at != now:
            rows = _rows(seen, table.full_name)
            self._read[table.path, version] = (seen, now, rows)
        return [dict(row) for row in rows]

    def create(self, table: Table) -> None:
        """The empty table, with its comments, change feed and constraints."""
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
        """Name and type of each column that the table has, or had at a version."""
        return {f.name: str(f.type) for f in self._seen(table, version).schema().fields}

    def add_columns(self, table: Table, names: Iterable[str]) -> None:
        wanted = set(names)
        self.open(table).alter.add_columns([f for f in schema(table).fields if f.name in wanted])

    def restore(self, table: Table, version: int, note: CommitNote) -> None:
        """Make the table what it was at a version, by one more; DeltaError where a file of it is gone."""
        self.open(table).restore(version, commit_properties=commit_properties(note))

    def take_out_missing(self, table: Table, note: CommitNote) -> None:
        """A version without the files that are not on the disk."""
        self.open(table).repair(commit_properties=commit_properties(note))

    def replace_schema(self, table: Table, note: CommitNote) -> None:
        """An empty version with the declared columns: Delta drops no column without a rewrite."""
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
    # Neither to_pyarrow_table, whose reading threads may outlive the interpreter and abort it at exit,
    # nor pyarrow at all, whose import would take a fifth of a run with nothing to do.
    rows = QueryBuilder().register("t", opened).execute("SELECT * FROM t")
    try:
        found = rows.read_all()
    except Exception as error:
        # What goes wrong while delta-rs reads comes as this and nothing narrower.
        if type(error) is not Exception:
            raise
        raise DeltaError(f"{name}: {error}") from error
    columns = (found.column(name).to_pylist() for name in found.column_names)
    return [dict(zip(found.column_names, row, strict=True)) for row in zip(*columns, strict=True)]


def commit_properties(note: CommitNote) -> CommitProperties:
    """A note of ours where Spark's `userMetadata` has it, so that either engine reads it back."""
    return CommitProperties(custom_metadata={"userMetadata": note.as_json()})


def schema(table: Table) -> Schema:
    """The Delta schema of a declaration; the meaning of a column is its comment."""
    fields = [
        Field(f.name, _delta_type(f.type), nullable=True, metadata={"comment": f.doc})
        for f in table.fields
    ]
    return Schema(fields)


def _delta_type(name: str) -> PrimitiveType | ArrayType | MapType:
    if name.startswith("ARRAY<"):
        return ArrayType(_delta_type(name[6:-1]), contains_null=True)
    if name.startswith("MAP<"):
        key, value = name[4:-1].split(",")
        return MapType(_delta_type(key), _delta_type(value), value_contains_null=True)
    return PrimitiveType(_PRIMITIVES[name])


def type_names(table: Table) -> dict[str, str]:
    """Name and type of each declared column, spelt as `Log.columns` spells them."""
    return {field.name: str(field.type) for field in schema(table).fields}


def months_of(rows: Sequence[str] | Iterable[str]) -> list[str]:
    return sorted(month for month in rows if month)

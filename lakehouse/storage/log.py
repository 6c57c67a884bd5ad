"""Delta logs, read and created without an engine: versions, commits, months, rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
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
from lakehouse.storage.commit_file import (
    TornCommit,
    begin_of_log,
    commit_file,
    commit_files,
    whole_until,
)
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.constraints import CONSTRAINT, kept_as
from lakehouse.storage.delta_schema import schema
from lakehouse.storage.files import Entries
from lakehouse.storage.layout import LOG_FOLDER
from lakehouse.storage.place import Place, place
from lakehouse.storage.sync import sync
from lakehouse.table import MONTH, Table

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
        self._counted: dict[
            tuple[str, int | None], tuple[DeltaTable, int, list[tuple[str, int | None]]]
        ] = {}
        # Answers of a log, with the files that it had then: while they stay, it is not read again.
        self._there: dict[str, Entries] = {}
        self._commits: dict[str, tuple[Entries, list[Commit], bool]] = {}

    def of_each(self, tables: Sequence[Table], ask: Callable[[Table], T]) -> list[T]:
        """Call `ask` with each table and return the answers in order; in a store all at the same time."""
        return self.place.ask_each(ask, tables)

    def folder(self, table: Table) -> Path:
        """The folder of a table; BadInput if the datamart is in an object store."""
        return self.place.on_this_machine() / table.path

    def uri(self, table: Table) -> str:
        return f"{self.root}/{table.path}"

    def open(self, table: Table, version: int | None = None) -> DeltaTable:
        """The table at a version; DeltaError if the version is gone or if a commit up to it is empty."""
        empty = self._first_empty(table)
        if empty is not None and (version is None or empty <= version):
            # Delta's library would leave the commit out, and answer with older rows.
            raise TornCommit(f"commit {empty} of {table.full_name} is empty")
        return DeltaTable(self.uri(table), version=version)

    def open_to_write(self, table: Table) -> DeltaTable:
        """The newest version, for a commit; LakehouseError if this process has lost the lock it took."""
        self.place.check_fence()
        return self.open(table)

    def _first_empty(self, table: Table) -> int | None:
        """The oldest commit that has no content; None if there is none."""
        entries = self.place.entries(f"{table.path}/{LOG_FOLDER}")
        empty = (name.partition(".") for name, _, _, size in entries if not size)
        return min((int(v) for v, _, kind in empty if kind == "json" and v.isdigit()), default=None)

    def _newest_whole(self, table: Table) -> DeltaTable:
        """The table at the newest version up to which all commits are whole; see `commit_file`."""
        try:
            return self.open(table)
        except DeltaError:
            until = whole_until(self.folder(table))[0] if self.place.folder else -1
            if until < 0:
                raise
            return self.open(table, until)

    def _seen(self, table: Table, version: int | None = None) -> DeltaTable:
        """The table, to be read only. It is opened once, which reads its whole log, and then updated."""
        # Listed before the table is opened: a commit in between is seen the next time.
        entries = self.place.entries(f"{table.path}/{LOG_FOLDER}")
        earlier_entries, opened = self._opened.get((table.path, version), (entries, None))
        if opened is None or not earlier_entries <= entries:
            opened = (
                self._newest_whole(table) if version is None else self._at(table, version, entries)
            )
        elif earlier_entries != entries and version is None:
            # If it was also given out by its number (`_at`), it must stay at that version.
            is_pinned = self._opened.get((table.path, opened.version()), (None, None))[1] is opened
            if all(size for _, _, _, size in entries) and not is_pinned:
                opened.update_incremental()
            else:
                opened = self._newest_whole(table)
        self._opened[table.path, version] = (entries, opened)
        return opened

    def _at(self, table: Table, version: int, entries: Entries) -> DeltaTable:
        """The table at a version, which is not opened again if it is the newest one and that is open."""
        newest_entries, newest = self._opened.get((table.path, None), (None, None))
        if newest is not None and newest_entries == entries and newest.version() == version:
            return newest
        return self.open(table, version)

    def stamp(self, table: Table) -> Hashable:
        """A value that changes with each commit of a table, and if the table is replaced."""
        # The files are listed, because to open a table takes longer with each commit: 45 ms with 120.
        return self.place.entries(f"{table.path}/{LOG_FOLDER}")

    def exists(self, table: Table) -> bool:
        entries = self._entries(table)
        if entries and self._there.get(table.path) == entries:
            return True
        is_there = DeltaTable.is_deltatable(self.uri(table)) and not self.is_unmade(table)
        if is_there and entries:
            self._there[table.path] = entries
        return is_there

    def _entries(self, table: Table) -> Entries:
        """The files of a table's log in a folder; an object store is asked again each time."""
        if self.place.folder is None:
            return frozenset()
        return self.place.entries(f"{table.path}/{LOG_FOLDER}")

    def is_unmade(self, table: Table) -> bool:
        """Whether power was lost while the table was made: its folder holds a log without a whole commit."""
        if self.place.folder is None or not self.place.has_folder(table.path):
            return False
        if not self.place.names(table.path) <= {LOG_FOLDER}:
            return False
        folder = self.folder(table)
        first = commit_file(folder, 0)
        return (first is None or bool(first.fault)) and not begin_of_log(folder)

    def version(self, table: Table) -> int | None:
        return self._seen(table).version() if self.exists(table) else None

    def history(self, table: Table, limit: int | None = None) -> list[Commit]:
        """The table's commits, newest first."""
        entries = self._entries(table)
        earlier, commits, are_all = self._commits.get(table.path, (None, [], False))
        is_enough = are_all or (limit is not None and len(commits) >= limit)
        if not entries or earlier != entries or not is_enough:
            commits = self._history(table, limit)
            self._commits[table.path] = entries, commits, limit is None or len(commits) < limit
        return commits[:limit]

    def _history(self, table: Table, limit: int | None) -> list[Commit]:
        opened = self._seen(table)
        until = opened.version()
        commits = commit_files(self.folder(table)) if self.place.folder else []
        if not commits or commits[-1].version <= until:
            return [Commit.of(entry) for entry in opened.history(limit)]
        # Later commits are not whole: delta-rs fails with them, or gives their numbers to earlier ones.
        whole = [commit for commit in commits if commit.version <= until]
        return [Commit.of(commit.entry) for commit in reversed(whole)][:limit]

    def commit(self, table: Table, version: int) -> Commit | None:
        """The commit of a version; None if the log no longer has it."""
        # Not the history of the opened version: delta-rs 1.6 gives it the newest commits under old numbers.
        newest = self.version(table)
        past = self.history(table, newest - version + 1) if newest is not None else []
        return next((commit for commit in reversed(past) if commit.version == version), None)

    def newest_commit(self, table: Table) -> Commit | None:
        """The newest commit; None if there is no such table."""
        if not self.exists(table):
            return None
        newest = self.history(table, 1)
        if not newest:
            raise DeltaError(f"{table.full_name}: the newest commit is empty")
        return newest[0]

    def rows_by_month(self, table: Table, version: int | None = None) -> dict[str, int]:
        """Rows per partition that has rows, from the log; one entry `` if the table is not partitioned.

        A partition whose last rows were erased has a file without rows.
        """
        counts: dict[str, int] = {}
        for month, count in self._counts(table, version):
            if count != 0:
                counts[month] = counts.get(month, 0) + int(count or 0)
        return counts

    def months_taken(self, table: Table) -> set[str]:
        """The partitions of a table, also those whose last rows were erased."""
        return {month for month, _ in self._counts(table, None)}

    def _counts(self, table: Table, version: int | None) -> list[tuple[str, int | None]]:
        """The partition of each data file and its number of rows; None if the log does not say."""
        opened = self._seen(table, version)
        now = opened.version()
        counted_at, counted_version, counts = self._counted.get(
            (table.path, version), (None, now, [])
        )
        if counted_at is not opened or counted_version != now:
            counts = _counts(opened, table)
            self._counted[table.path, version] = opened, now, counts
        return counts

    def sync_commits(self, table: Table, since: int) -> None:
        """Put the commits after a version on the disk, with the files that they name; a store does that."""
        if self.place.folder is not None:
            sync(self.unsynced(table, since), self.place.folder)

    def unsynced(self, table: Table, since: int) -> Iterator[Path]:
        """The commits after a version as files, and the files that they name; none in an object store."""
        if self.place.folder is None:
            return
        folder = self.folder(table)
        for commit in commit_files(folder):
            if commit.version > since:
                for file in (commit.path, *(folder / name for name in commit.data_files)):
                    yield file
                    # The checksum of Spark, which compares it where it is there.
                    yield file.with_name(f".{file.name}.crc")

    def add_actions(self, table: Table, version: int | None = None) -> Any:
        """The entries of a version's data files in its log, one row per file."""
        return self._seen(table, version).get_add_actions(flatten=True)

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
        told = self._told_months(table, since, until)
        return self._months_of_feed(table, since, until) if told is None else told

    def _told_months(self, table: Table, since: int, until: int) -> set[str] | None:
        """The same by nothing but the commits; None if they are not all there, as in an object store.

        The change feed would open each of the files that they name.
        """
        if table.partition != MONTH or self.place.folder is None:
            return None
        wanted = range(since + 1, until + 1)
        commits = [c for c in commit_files(self.folder(table)) if c.version in wanted]
        if len(commits) != len(wanted) or any(commit.fault for commit in commits):
            return None
        return {
            month
            for commit in commits
            for changed in commit.changed_partitions
            if (month := changed.get(MONTH))
        }

    def _months_of_feed(self, table: Table, since: int, until: int) -> set[str]:
        """The same by the change feed."""
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

    def ask(self, table: Table, query: str) -> Any:
        """The answer of a query to the newest version of a table, which it calls t; see `_answer`."""
        return _answer(self._seen(table), table.full_name, query)

    def largest(self, table: Table, column: str) -> int | None:
        """The largest value of a whole number's column in the newest version, by what its files say of it.

        None if there is no value, or a file is lost.
        """
        try:
            answer = self.ask(table, f'SELECT max("{column}") AS largest FROM t')
        except DeltaError:
            return None
        value = answer.column("largest")[0].as_py()
        return None if value is None else int(value)

    def create(self, table: Table, properties: Mapping[str, str] | None = None) -> None:
        """Create the empty table with its comments, change feed, constraints and properties of ours."""
        created = DeltaTable.create(
            self.uri(table),
            schema=schema(table),
            partition_by=[table.partition] if table.partition else None,
            name=table.name,
            description=table.doc,
            configuration={**_PROPERTIES, **(properties or {})},
            raise_if_key_not_exists=False,
        )
        if table.expectations:
            created.alter.add_constraint(dict(table.expectations))

    def columns(self, table: Table, version: int | None = None) -> dict[str, str]:
        """Name and type of each column of the table, now or at a version."""
        return {f.name: str(f.type) for f in self._seen(table, version).schema().fields}

    def schema(self, table: Table, version: int | None = None) -> str:
        """The columns of the table, now or at a version, as Delta writes them in JSON."""
        return self._seen(table, version).schema().to_json()

    def properties(self, table: Table) -> dict[str, str]:
        """The properties of the table."""
        return {**self._seen(table).metadata().configuration}

    def set_properties(self, table: Table, properties: dict[str, str]) -> None:
        """Set properties, of Delta or of ours."""
        self.open_to_write(table).alter.set_table_properties(properties, raise_if_not_exists=False)

    def other_expectations(self, table: Table, by_text: bool) -> dict[str, str]:
        """The declared expectations that the table lacks; `by_text` also those that it has in other words."""
        had, declared = self._constraints(table), dict(table.expectations)
        differ = by_text and any(had.get(name, sql) != sql for name, sql in declared.items())
        kept = kept_as(table) if differ else {}
        return {
            name: sql
            for name, sql in declared.items()
            if name not in had or (by_text and had[name] not in (sql, kept.get(name)))
        }

    def drop_expectations(self, table: Table, others: Iterable[str]) -> None:
        """Drop the table's constraints of these names, and those that are not declared."""
        dropped = {*others} | (self._constraints(table).keys() - dict(table.expectations).keys())
        for name in sorted(dropped & self._constraints(table).keys()):
            self.open_to_write(table).alter.drop_constraint(name)

    def add_expectations(self, table: Table, expectations: dict[str, str]) -> None:
        """Add constraints that all rows of the table fulfil; no commit if there are none."""
        if expectations:
            self.open_to_write(table).alter.add_constraint(expectations)

    def _constraints(self, table: Table) -> dict[str, str]:
        properties = self.properties(table)
        return {n[len(CONSTRAINT) :]: v for n, v in properties.items() if n.startswith(CONSTRAINT)}

    def add_columns(self, table: Table, names: Iterable[str]) -> None:
        wanted = set(names)
        self.open_to_write(table).alter.add_columns(
            [f for f in schema(table).fields if f.name in wanted]
        )

    def restore(self, table: Table, version: int, note: CommitNote) -> None:
        """Restore an earlier version as a new version; DeltaError if one of its files is gone."""
        self.open_to_write(table).restore(version, commit_properties=commit_properties(note))

    def take_out_missing(self, table: Table, note: CommitNote) -> None:
        """Commit a version without the files that are missing on the disk."""
        self.open_to_write(table).repair(commit_properties=commit_properties(note))

    def take_out_partitions(self, table: Table, names: Iterable[str], note: CommitNote) -> None:
        """Commit a version without the rows of some partitions; no data file is deleted."""
        listed = ", ".join("'" + name.replace("'", "''") + "'" for name in sorted(names))
        self.open_to_write(table).delete(
            f"{table.partition} IN ({listed})", commit_properties=commit_properties(note)
        )

    def take_out_rows(self, table: Table, rows: Any, note: CommitNote) -> None:
        """Commit a version without the rows that have the values of one of these (an Arrow table)."""
        # Not by a condition: the log would keep it, and it is as long as there are rows.
        same = " AND ".join(f't."{name}" = s."{name}"' for name in rows.column_names)
        self.open_to_write(table).merge(
            rows,
            same,
            source_alias="s",
            target_alias="t",
            commit_properties=commit_properties(note),
        ).when_matched_delete().execute()

    def replace_schema(self, table: Table, note: CommitNote) -> None:
        """Commit an empty version with the declared columns; Delta cannot drop a column without a rewrite."""
        import pyarrow as pa

        empty = pa.schema(schema(table).to_arrow()).empty_table()
        write_deltalake(
            self.open_to_write(table),
            empty,
            mode="overwrite",
            schema_mode="overwrite",
            commit_properties=commit_properties(note),
        )


def _answer(opened: DeltaTable, name: str, query: str) -> Any:
    """The answer of a query in SQL to a table, which it calls t, as an Arrow table that is not pyarrow's."""
    # Not to_pyarrow_table: its reading threads may outlive the interpreter and abort it at exit. And not
    # pyarrow at all: its import would take a fifth of a run with nothing to do.
    rows = QueryBuilder().register("t", opened).execute(query)
    try:
        return rows.read_all()
    except Exception as error:
        # delta-rs raises its reading errors as Exception itself, not as a narrower type.
        if type(error) is not Exception:
            raise
        raise DeltaError(f"{name}: {error}") from error


def _counts(opened: DeltaTable, table: Table) -> list[tuple[str, int | None]]:
    actions = opened.get_add_actions(flatten=True)
    # Only these two columns, because statistics of other columns may not fit into Python's values.
    counts = actions.column("num_records").to_pylist()
    partition = f"partition.{table.partition}"
    is_partitioned = partition in actions.column_names
    months = actions.column(partition).to_pylist() if is_partitioned else [""] * len(counts)
    return [(month or "", count) for month, count in zip(months, counts, strict=True)]


def _rows(opened: DeltaTable, name: str) -> list[dict[str, Any]]:
    batch = _answer(opened, name, "SELECT * FROM t")
    columns = (batch.column(name).to_pylist() for name in batch.column_names)
    return [dict(zip(batch.column_names, row, strict=True)) for row in zip(*columns, strict=True)]


def commit_properties(
    note: CommitNote, counts: Mapping[str, str] | None = None
) -> CommitProperties:
    """The note as a commit's `userMetadata`, where Spark keeps it too, so that both engines read it.

    `counts` are metrics that delta-rs does not count itself. The commit fails if another one was made since
    the table was opened.
    """
    metadata = {"userMetadata": note.as_json(), **(counts or {})}
    return CommitProperties(custom_metadata=metadata, max_commit_retries=0)


def months_of(rows: Sequence[str] | Iterable[str]) -> list[str]:
    return sorted(month for month in rows if month)

"""The embedded engine: Sail computes in this process, delta-rs merges; no Java."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
from deltalake import ColumnProperties, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.table import TableMerger
from pyarrow.dataset import Dataset, dataset, field
from pyspark.sql import DataFrame, DataFrameReader, SparkSession
from pyspark.sql.types import StructType

from lakehouse import functions as F
from lakehouse.engines import environment
from lakehouse.engines.changes import DELETE, OPERATION, UPSERT, merge_condition, upserts
from lakehouse.engines.expectations import broken_expectation
from lakehouse.engines.sizing import tables_at_once
from lakehouse.engines.store import Merged, overtaken
from lakehouse.months import Group, in_groups
from lakehouse.storage.commit import ChangedRows
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log, commit_properties
from lakehouse.storage.paths import plain
from lakehouse.storage.sound import check_sound
from lakehouse.storage.work import work_folder
from lakehouse.table import MONTH, Table

# Sail streams rows through joins and holds the other side in memory. delta-rs holds a merge several times.
_CELLS_COMPUTED = 60_000_000
_CELLS_A_MERGE = 10_000_000
_BATCH_ROWS = 8192
# The files with changes exist for a second, and to encode them took five times as long as to write them.
_UNENCODED = {"compression": "uncompressed", "dictionary_enabled": "false"}
# gRPC reads this before no_proxy; the name must be in small letters.


class EmbeddedStore:
    """Sail and delta-rs on one datamart."""

    name = "embedded"
    reads_this_machine = True

    def __init__(self, datamart: Datamart) -> None:
        self.datamart = datamart
        self.spark = session()

    @property
    def log(self) -> Log:
        return self.datamart.log

    def path(self, path: str | Path) -> str:
        return plain(path)

    def read(self, table: Table, version: int | None = None) -> DataFrame:
        return self._load(self.spark.read, table, version)

    def show_as(self, view: str, table: Table, version: int | None = None) -> None:
        # Sail fails to count over a UNION of columns that have different comments.
        schema = json.loads(self.log.schema(table, version))
        fields = [{**each, "metadata": {}} for each in schema["fields"]]
        plain = StructType.fromJson({**schema, "fields": fields})
        self._load(self.spark.read.schema(plain), table, version).createOrReplaceTempView(view)

    def _load(self, reader: DataFrameReader, table: Table, version: int | None) -> DataFrame:
        reader = reader.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        return reader.load(self.path(self.log.uri(table)))

    def read_parquet(self, path: str) -> DataFrame:
        return self.spark.read.parquet(self.path(path))

    def read_own(self, file: Path) -> DataFrame:
        return self.read_parquet(str(file))

    def write_parquet(self, rows: DataFrame, folder: Path) -> None:
        rows.write.parquet(self.path(folder))

    @contextmanager
    def kept(self, rows: DataFrame) -> Iterator[DataFrame]:
        with work_folder(self.log.place) as work:
            folder = work / "kept"
            self.write_parquet(rows, folder)
            # Sail writes no file where there is no row.
            yield self.read_parquet(str(folder)) if folder.exists() else rows.where(F.lit(False))

    def months_at_once(self, cells_a_month: int, months: int) -> int:
        return max(_CELLS_COMPUTED // max(cells_a_month, 1), 1)

    def tables_at_once(self, raw_bytes: int) -> int:
        return tables_at_once(raw_bytes)

    def merge(
        self,
        table: Table,
        changes: DataFrame,
        note: CommitNote,
        months: Sequence[str] = (),
        insert_only: bool = False,
    ) -> list[Merged]:
        merges: list[Merged] = []
        with self._computed(changes) as source:
            if not source.count_rows():
                return merges
            # Months without a change are not read: a delivery has every month, but changes the last ones.
            changed = _present(source, months)
            if not insert_only:
                check_sound(self.log, table, months=changed or None)
            for group, later in _slices(source, changed):
                rows = source.filter(field(MONTH).isin(group)) if group else source
                merger = self._merger(table, rows, note.with_later(later), group)
                with _explained(table, changes):
                    metrics = _with_clauses(merger, source, insert_only).execute()
                merges.append(Merged(self.log.version(table) or 0, ChangedRows.of(metrics)))
        return merges

    def load(
        self, table: Table, rows: DataFrame, note: CommitNote, months: Sequence[str]
    ) -> list[Merged]:
        with self._computed(rows) as source:
            count = source.count_rows()
            if not count:
                return []
            opened = self.log.open_to_write(table)
            # No key is matched, so the version that is read here must be the one before this commit.
            if {each[MONTH] for each in opened.partitions()} & {*months}:
                raise overtaken(table)
            with _explained(table, upserts(rows)):
                write_deltalake(
                    opened,
                    _without_comments(_reader(source)),
                    mode="append",
                    writer_properties=_writer_properties(table),
                    commit_properties=commit_properties(note),
                )
        return [Merged(self.log.version(table) or 0, ChangedRows(count, 0, 0))]

    def compact(self, table: Table, note: CommitNote) -> int | None:
        check_sound(self.log, table)
        before = self.log.version(table)
        self.log.open_to_write(table).optimize.compact(
            max_concurrent_tasks=1,
            writer_properties=_writer_properties(table),
            commit_properties=commit_properties(note),
        )
        after = self.log.version(table)
        return None if after == before else after

    def _merger(
        self, table: Table, rows: Dataset, note: CommitNote, months: Sequence[str]
    ) -> TableMerger:
        return self.log.open_to_write(table).merge(
            _reader(rows),
            merge_condition(table, months).replace("`", '"'),
            source_alias="s",
            target_alias="t",
            writer_properties=_writer_properties(table),
            commit_properties=commit_properties(note),
        )

    @contextmanager
    def _computed(self, changes: DataFrame) -> Iterator[Dataset]:
        """The changes as Parquet files, because Sail writes them five times as fast as it sends them."""
        with work_folder(self.log.place) as work:
            folder = work / "changes"
            changes.write.options(**_UNENCODED).parquet(self.path(folder))
            yield dataset([str(file) for file in folder.glob("*.parquet")], format="parquet")


@contextmanager
def _explained(table: Table, changes: DataFrame) -> Iterator[None]:
    """Raise the expectation that the changes break, instead of an error that shows a row of them."""
    try:
        yield
    except CommitFailedError as error:
        raise overtaken(table) from error
    except DeltaError as error:
        broken = broken_expectation(table, changes)
        if broken is None:
            raise
        raise broken from error


def _reader(rows: Dataset) -> pa.RecordBatchReader:
    return rows.scanner(batch_size=_BATCH_ROWS, batch_readahead=2, fragment_readahead=1).to_reader()


def _without_comments(rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """The same rows without comments: delta-rs refuses a column whose comment comes from an upstream."""
    plain = pa.schema([pa.field(column.name, column.type) for column in rows.schema])
    batches = (pa.RecordBatch.from_arrays(batch.columns, schema=plain) for batch in rows)
    return pa.RecordBatchReader.from_batches(plain, batches)


def _present(source: Dataset, months: Sequence[str]) -> list[str]:
    """The months of these that have rows in the source."""
    there = {*source.to_table([MONTH])[MONTH].unique().to_pylist()} if months else set()
    return [month for month in months if month in there]


def _slices(source: Dataset, months: Sequence[str]) -> list[Group]:
    """The months in groups that are small enough for one merge; one group if there are no months."""
    cells = source.count_rows() * len(source.schema.names)
    slices = max(-(-cells // _CELLS_A_MERGE), 1)
    return in_groups(months, -(-len(months) // slices)) if months else [Group((), ())]


def _with_clauses(merger: TableMerger, source: Dataset, insert_only: bool) -> TableMerger:
    columns = {f'"{name}"': f's."{name}"' for name in source.schema.names if name != OPERATION}
    if insert_only:
        return merger.when_not_matched_insert(columns)
    return (
        merger.when_matched_delete(f"s.{OPERATION} = '{DELETE}'")
        .when_matched_update(columns)
        .when_not_matched_insert(columns, f"s.{OPERATION} = '{UPSERT}'")
    )


def _writer_properties(table: Table) -> WriterProperties:
    """Dictionaries only for text: numbers hardly repeat, and the search for repeats took most of a merge."""
    plain, worded = (ColumnProperties(dictionary_enabled=has_one) for has_one in (False, True))
    texts = {field.name: worded for field in table.fields if field.type == "STRING"}
    return WriterProperties(
        compression="SNAPPY", default_column_properties=plain, column_properties=texts
    )


@contextmanager
def _unloaded(module: str) -> Iterator[None]:
    """Let the import of a module fail if nobody has loaded it: PySpark would import IPython for a width."""
    absent = module not in sys.modules
    if absent:
        sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if absent:
            del sys.modules[module]


@cache
def session() -> SparkSession:
    """The session of this process, on a Sail server that ends with it and that nobody else can reach.

    LakehouseError if another process connected while it started.
    """
    environment.for_embedded()
    with _unloaded("IPython"):
        from lakehouse.engines.sail import start

    spark: Any = start()
    # Sail does not use the place in our code where a column was named, and to find it loads IPython.
    spark.conf.set("spark.python.sql.dataFrameDebugging.enabled", "false")
    return cast(SparkSession, spark)

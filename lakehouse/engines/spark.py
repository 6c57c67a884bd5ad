"""The Spark engine: Spark computes, delta-spark merges; on this machine or on a cluster."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import pyarrow.parquet as pq
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.engines.changes import DELETE, OPERATION, UPSERT, merge_condition, upserts
from lakehouse.engines.expectations import broken_expectation
from lakehouse.engines.masters import is_local
from lakehouse.engines.sizing import tables_at_once
from lakehouse.engines.spark_session import start
from lakehouse.engines.store import Merged, overtaken
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.storage.bucket import Bucket
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.layout import LANDED
from lakehouse.storage.log import Log
from lakehouse.storage.object_store import is_of_store
from lakehouse.storage.paths import plain
from lakehouse.storage.sound import check_sound
from lakehouse.table import Table, quoted

_CHANGES = "lakehouse_changes"
_DICTIONARY = "parquet.enable.dictionary#{}"
_USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
_NO_PYTHON = re.compile("No module named|PYTHON_VERSION_MISMATCH|Cannot run program")
_WORKERS_PYTHON = (
    "{}: Spark's workers need Python "
    f"{sys.version_info.major}.{sys.version_info.minor} with numpy and pyarrow; name it in PYSPARK_PYTHON"
)


class SparkStore:
    """Spark and delta-spark on one datamart."""

    name = "spark"

    def __init__(self, datamart: Datamart, master: str | None = None, raw_bytes: int = 0) -> None:
        self.datamart = datamart
        bucket = datamart.place.bucket
        if bucket and not bucket.is_s3:
            raise BadInput(f"Spark is not supported on {bucket} yet; --engine embedded works there")
        self.spark = start(master, bucket is not None, raw_bytes)
        self._is_local = is_local(self.spark.sparkContext.master)
        # The note and the source of a MERGE belong to the session, so there is only one at a time.
        self._merging = Lock()

    @property
    def log(self) -> Log:
        return self.datamart.log

    @property
    def _bucket(self) -> Bucket | None:
        """The store through which a cluster gets files of this machine; None if all can read the folder."""
        return None if self._is_local else self.log.place.bucket

    @property
    def reads_this_machine(self) -> bool:
        return self._bucket is None

    def path(self, path: str | Path) -> str:
        # On a cluster other machines read it too; they have the path, but not a link of this machine.
        return plain(path) if self._is_local else str(path)

    def _in_sql(self, table: Table) -> str:
        path = self.path(self.log.uri(table)).replace("`", "``")
        return f"delta.`{path}`"

    def read(self, table: Table, version: int | None = None) -> DataFrame:
        reader = self.spark.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        return reader.load(self.path(self.log.uri(table)))

    def show_as(self, view: str, table: Table, version: int | None = None) -> None:
        self.read(table, version).createOrReplaceTempView(view)

    def read_parquet(self, path: str) -> DataFrame:
        return self.spark.read.parquet(self.path(self._for_executors(path)))

    def read_own(self, file: Path) -> DataFrame:
        if self._is_local:
            return self.spark.read.parquet(self.path(file))
        # Executors elsewhere see no file of this machine; a spine came from its memory anyway.
        rows = self.spark.createDataFrame(pq.read_table(file))
        clocks = [name for name, kind in rows.dtypes if kind == "timestamp"]
        return rows.withColumns(
            {name: F.col(quoted(name)).cast("timestamp_ntz") for name in clocks}
        )

    def write_parquet(self, rows: DataFrame, folder: Path) -> None:
        bucket = self._bucket
        if bucket is None:
            rows.write.parquet(self.path(folder))
            return
        with bucket.scratch() as name:
            rows.write.parquet(f"{bucket}/{name}")
            folder.mkdir()
            for file in bucket.files(name):
                bucket.get(f"{name}/{file}", folder / file)

    @contextmanager
    def kept(self, rows: DataFrame) -> Iterator[DataFrame]:
        # Not persisted: that keeps the plan, which is gone through again with each step that is made of it.
        yield rows.localCheckpoint()

    def _for_executors(self, path: str) -> str:
        """The path itself; on a cluster with a store, the path of the file's copy in the store."""
        bucket = self._bucket
        if bucket is None or is_of_store(path):
            return path
        name = f"{LANDED}/{self.spark.sparkContext.applicationId}/{Path(path).name}"
        if not bucket.has(name):
            bucket.put(Path(path), name)
        return f"{bucket}/{name}"

    def months_at_once(self, cells_a_month: int, months: int) -> int:
        return max(months, 1)  # Spark spills by itself

    def tables_at_once(self, raw_bytes: int) -> int:
        # A cluster works on one table at a time. On one machine the job of a small table leaves cores idle.
        return tables_at_once(raw_bytes) if self._is_local else 1

    def merge(
        self,
        table: Table,
        changes: DataFrame,
        note: CommitNote,
        months: Sequence[str] = (),
        insert_only: bool = False,
    ) -> list[Merged]:
        before = self.log.version(table)
        # A MERGE reads its source twice; only once if it only inserts.
        source = changes if insert_only else changes.persist()
        try:
            with _explained(table, changes):
                if insert_only or not source.isEmpty():
                    if not insert_only:
                        check_sound(self.log, table, months=months or None)
                    self._execute(table, source, note, months, insert_only)
        finally:
            if not insert_only:
                source.unpersist()
        return self._merged(table, before)

    def _merged(self, table: Table, before: int | None) -> list[Merged]:
        """The commit since a version; empty if there was none."""
        after = self.log.version(table)
        if after is None or after == before:
            return []
        return [Merged(after, self.log.history(table, 1)[0].changed_rows)]

    def load(
        self, table: Table, rows: DataFrame, note: CommitNote, months: Sequence[str]
    ) -> list[Merged]:
        self._write_plain_doubles(table)
        writer = rows.write.format("delta").mode("append")
        before = self.log.version(table)
        self.log.place.check_fence()
        if {*self.log.rows_by_month(table)} & {*months}:
            raise overtaken(table)
        with _explained(table, upserts(rows)):
            writer.option("userMetadata", note.as_json()).save(self.path(self.log.uri(table)))
        merged = self._merged(table, before)
        # Spark writes an append behind any other commit, so a commit in between is seen only now.
        if merged and merged[0].version != (-1 if before is None else before) + 1:
            raise overtaken(table)
        return merged

    def compact(self, table: Table, note: CommitNote) -> int | None:
        check_sound(self.log, table)
        self._write_plain_doubles(table)
        before = self.log.version(table)
        self.log.place.check_fence()
        self.spark.conf.set(_USER_METADATA, note.as_json())
        self.spark.sql(f"OPTIMIZE {self._in_sql(table)}").collect()
        after = self.log.version(table)
        return None if after == before else after

    def _write_plain_doubles(self, table: Table) -> None:
        """Write doubles without a dictionary on one machine, where it costs more time than it saves disk."""
        for field in table.fields if self._is_local else ():
            if field.type == "DOUBLE":
                self.spark.conf.set(_DICTIONARY.format(field.name), "false")

    def _execute(
        self,
        table: Table,
        source: DataFrame,
        note: CommitNote,
        months: Sequence[str],
        insert_only: bool,
    ) -> None:
        columns = [f"`{name}`" for name in source.columns if name != OPERATION]
        values = ", ".join(f"s.{name}" for name in columns)
        assignments = ", ".join(f"t.{name} = s.{name}" for name in columns)
        matched = f"""
            WHEN MATCHED AND s.{OPERATION} = '{DELETE}' THEN DELETE
            WHEN MATCHED THEN UPDATE SET {assignments}"""
        merge = f"""
            MERGE INTO {self._in_sql(table)} t USING {_CHANGES} s
            ON {merge_condition(table, months)} {"" if insert_only else matched}
            WHEN NOT MATCHED AND s.{OPERATION} = '{UPSERT}'
            THEN INSERT ({", ".join(columns)}) VALUES ({values})
        """
        self._write_plain_doubles(table)
        with self._merging:
            self.log.place.check_fence()
            self.spark.conf.set(_USER_METADATA, note.as_json())
            source.createOrReplaceTempView(_CHANGES)
            self.spark.sql(merge)


@contextmanager
def _explained(table: Table, changes: DataFrame) -> Iterator[None]:
    """Replace Spark's error, whose message shows a row: it is personal data that no log may hold."""
    try:
        yield
    except PySparkException as error:
        if _NO_PYTHON.search(str(error)):
            raise LakehouseError(_WORKERS_PYTHON.format(table.full_name)) from error
        raise broken_expectation(table, changes) or _failed(table, error) from error


def _failed(table: Table, error: PySparkException) -> LakehouseError:
    return LakehouseError(
        f"{table.full_name}: Spark could not merge ({error.getCondition() or type(error).__name__}); "
        "run again with --debug for the whole error"
    )

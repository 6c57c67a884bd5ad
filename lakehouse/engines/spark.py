"""The Spark engine: Spark computes, delta-spark merges; on this machine or on a cluster."""

from __future__ import annotations

import os
import re
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import TimeoutError
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

from py4j.protocol import Py4JError
from pyspark import SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from lakehouse.engines import jars, jvm
from lakehouse.engines.changes import DELETE, OPERATION, UPSERT, merge_condition, upserts
from lakehouse.engines.expectations import broken_expectation
from lakehouse.engines.sizing import SMALL_BYTES, memory_bytes, tables_at_once
from lakehouse.engines.store import Merged
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.storage.bucket import Bucket
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.layout import LANDED
from lakehouse.storage.log import Log
from lakehouse.storage.paths import plain
from lakehouse.storage.s3 import is_of_store, s3a_settings
from lakehouse.table import Table

# Below 512 MiB of heap a build of the shipped data thrashes; Python and the JVM's own need the rest.
LEAST_MEMORY_MIB = 1536
_BESIDE_HEAP_MIB, _MOST_HEAP_MIB = 1024, 3072
_CHANGES = "lakehouse_changes"
_DICTIONARY = "parquet.enable.dictionary#{}"
_USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
_SETTINGS = {
    "spark.app.name": "lakehouse",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    # Where in our code each column was named: asked of the JVM column by column.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    # 50 tasks a commit otherwise, for logs of a few kilobytes.
    "spark.databricks.delta.snapshotPartitions": "1",
    # No limit beside the 10,000 rows of a batch: to keep one, Spark measures the batch at each row.
    "spark.sql.execution.arrow.maxBytesPerBatch": str(2**31 - 1),
}
# Inherited from a process on the embedded engine, such as a notebook, these forbid a classic session.
_CONNECT_MODE = (
    "SPARK_REMOTE",
    "SPARK_LOCAL_REMOTE",
    "SPARK_CONNECT_MODE_ENABLED",
    "SPARK_CONNECT_MODE",
    "SPARK_API_MODE",
)
_STANDALONE, _PORT = "spark://", 7077
_ANSWER_SECONDS = 5
# A setting of ours, which may stand beside those of the cluster in spark-defaults.conf.
_WAIT, _WAIT_SECONDS = "spark.lakehouse.executorsWaitSeconds", "180"
_GIVEN = "PYSPARK_GATEWAY_PORT"
_NOT_HERE = (
    "Spark does not start: Java 17 or 21 is needed, and on first use Maven Central for Delta's "
    "jars; `python main.py doctor` says what is missing"
)
_NOT_ON_CLUSTER = "Spark does not start on {}; --debug shows what it says"
_NO_PYTHON = re.compile("No module named|PYTHON_VERSION_MISMATCH|Cannot run program")
_WORKERS_PYTHON = (
    "{}: Spark's workers need Python "
    f"{sys.version_info.major}.{sys.version_info.minor} with numpy and pyarrow; name it in PYSPARK_PYTHON"
)
_LOOPBACK = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
_JAVA_OPTIONS = "-XX:ReservedCodeCacheSize=400m -XX:+UseParallelGC"


class SparkStore:
    """Spark and delta-spark on one datamart."""

    name = "spark"

    def __init__(self, log: Log, master: str | None = None, raw_bytes: int = 0) -> None:
        self.log = log
        self.spark = start(master, log.place.bucket is not None, raw_bytes)
        self._is_local = is_local(self.spark.sparkContext.master)
        # What a MERGE says of itself, and what it merges, are the session's: one at a time.
        self._merging = Lock()

    @property
    def _bucket(self) -> Bucket | None:
        """The store by which a cluster gets files of this machine; a datamart's folder all of it have."""
        return None if self._is_local else self.log.place.bucket

    @property
    def reads_this_machine(self) -> bool:
        return self._bucket is None

    def path(self, path: str | Path) -> str:
        # On a cluster others read it too: they have the path itself, and no link of this machine.
        return plain(path) if self._is_local else str(path)

    def _in_sql(self, table: Table) -> str:
        path = self.path(self.log.uri(table)).replace("`", "``")
        return f"delta.`{path}`"

    def read(self, table: Table, version: int | None = None) -> DataFrame:
        reader = self.spark.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        return reader.load(self.path(self.log.uri(table)))

    def read_parquet(self, path: str) -> DataFrame:
        return self.spark.read.parquet(self.path(self._for_executors(path)))

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

    def _for_executors(self, path: str) -> str:
        """The path itself; of a file of this machine, on a cluster, that of its copy in the store."""
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
        # A cluster has cores for one; here a job of a small table leaves some idle.
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
        # A MERGE reads its source twice, once where it only inserts.
        source = changes if insert_only else changes.persist()
        try:
            with _told_what_broke(table, changes):
                if insert_only or not source.isEmpty():
                    self._execute(table, source, note, months, insert_only)
        finally:
            if not insert_only:
                source.unpersist()
        return self._merged(table, before)

    def _merged(self, table: Table, before: int | None) -> list[Merged]:
        """What the commit since a version did; nothing where there was none."""
        after = self.log.version(table)
        if after is None or after == before:
            return []
        return [Merged(after, self.log.history(table, 1)[0].changed_rows)]

    def load(self, table: Table, rows: DataFrame, note: CommitNote) -> list[Merged]:
        self._write_plain_doubles(table)
        writer = rows.write.format("delta").mode("append")
        before = self.log.version(table)
        with _told_what_broke(table, upserts(rows)):
            writer.option("userMetadata", note.as_json()).save(self.path(self.log.uri(table)))
        return self._merged(table, before)

    def compact(self, table: Table, note: CommitNote) -> int | None:
        self._write_plain_doubles(table)
        before = self.log.version(table)
        self.spark.conf.set(_USER_METADATA, note.as_json())
        self.spark.sql(f"OPTIMIZE {self._in_sql(table)}").collect()
        after = self.log.version(table)
        return None if after == before else after

    def _write_plain_doubles(self, table: Table) -> None:
        """On one machine time counts: a dictionary of measured numbers costs more than it saves of disk."""
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
            self.spark.conf.set(_USER_METADATA, note.as_json())
            source.createOrReplaceTempView(_CHANGES)
            self.spark.sql(merge)


def start(master: str | None, on_s3a: bool = False, raw_bytes: int = 0) -> SparkSession:
    """A Spark session with Delta that computes; LakehouseError in one line where that is not to be had.

    That is where there is no Java, a jar of Delta is altered, or a cluster's master or workers are silent.
    """
    if master and master.startswith(_STANDALONE):
        _check_answers(master)
    settings = _settings(master, on_s3a, raw_bytes)
    if on_s3a:
        _check_begun_with_s3a()
    for name in _CONNECT_MODE:
        os.environ.pop(name, None)
    if _is_here(master) and _GIVEN not in os.environ:
        # Spark would take the python3 of the path, which may have no numpy.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        spark = jvm.session(settings)
    except RuntimeError as error:
        raise LakehouseError(_NOT_ON_CLUSTER.format(master) if master else _NOT_HERE) from error
    spark.sparkContext.setLogLevel("OFF")
    if "spark.jars.packages" in settings:
        # They have only now come.
        jars.check(jars.kept_jars(on_s3a))
    if not is_local(spark.sparkContext.master):
        _wait_for_executors(spark)
    return spark


def _check_begun_with_s3a() -> None:
    """LakehouseError where this process has begun Spark without S3A, which cannot come later."""
    begun = SparkContext._active_spark_context
    if (
        begun
        and _GIVEN not in os.environ
        and "hadoop-aws" not in begun.getConf().get("spark.jars", "")
    ):
        raise LakehouseError(
            "this process has begun Spark for a datamart of this machine; open the one in an object "
            "store in a process of its own, or first"
        )


def _settings(master: str | None, on_s3a: bool, raw_bytes: int) -> dict[str, str]:
    settings = {**_SETTINGS, "spark.sql.warehouse.dir": _warehouse().name}
    settings |= s3a_settings() if on_s3a else {}
    if _GIVEN in os.environ:
        # spark-submit has started this process, and knows of master, memory and jars.
        return settings
    cores = os.cpu_count() or 2
    settings |= {"spark.master": master or f"local[{cores}]", **jars.settings(on_s3a)}
    if _is_here(master):
        settings |= _LOOPBACK
    if master is None:
        settings["spark.driver.memory"] = f"{heap_mib(memory_bytes())}m"
        settings |= for_work(raw_bytes, cores)
    return settings


def for_work(raw_bytes: int, cores: int) -> dict[str, str]:
    """Settings of Spark on one machine for work on so many bytes of raw files."""
    if raw_bytes >= SMALL_BYTES:
        return {"spark.driver.extraJavaOptions": _JAVA_OPTIONS}
    # Time goes into compiling and scheduling, not into rows.
    return {
        "spark.driver.extraJavaOptions": f"{_JAVA_OPTIONS} -XX:TieredStopAtLevel=1",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.shuffle.partitions": str(cores),
    }


def _check_answers(master: str) -> None:
    """LakehouseError where none of a standalone cluster's masters listens: Spark would try for minutes."""
    for host, port in _addresses(master):
        with suppress(OSError), socket.create_connection((host, port), _ANSWER_SECONDS):
            return
    raise LakehouseError(
        f"the Spark master {master} does not answer; start it, or name another with --master"
    )


def _addresses(master: str) -> list[tuple[str, int]]:
    """Host and port of each master of a standalone cluster; BadInput where they are not told."""
    try:
        urls = [urlsplit(f"//{each}") for each in master.removeprefix(_STANDALONE).split(",")]
        return [(url.hostname or "", url.port or _PORT) for url in urls]
    except ValueError:
        raise BadInput(f"{master} names no Spark master; write it as spark://host:7077") from None


def _is_here(master: str | None) -> bool:
    """Whether all of Spark, a cluster on loopback too, is on this machine."""
    if master is None or is_local(master):
        return True
    hosts = [host for host, _ in _addresses(master)] if master.startswith(_STANDALONE) else [""]
    return all(host == "localhost" or host.startswith("127.") for host in hosts)


def _wait_for_executors(spark: SparkSession) -> None:
    """LakehouseError where a cluster gives no executor: Spark would wait for one without a word."""
    seconds = float(spark.conf.get(_WAIT, _WAIT_SECONDS) or _WAIT_SECONDS)
    try:
        jvm.in_thread(spark.range(1).count).result(seconds)
    except TimeoutError:
        raise LakehouseError(
            f"{spark.sparkContext.master} gave no executor within {seconds:g} s: no worker is there, or "
            "none has the cores and memory that are asked for (spark.executor.cores, "
            f"spark.executor.memory); {_WAIT} is how long to wait"
        ) from None
    except (PySparkException, Py4JError) as error:
        raise LakehouseError(_NOT_ON_CLUSTER.format(spark.sparkContext.master)) from error


def is_local(master: str | None) -> bool:
    """Whether all of Spark is on this machine."""
    return master is None or master.startswith("local")


@cache
def _warehouse() -> tempfile.TemporaryDirectory[str]:
    """A folder that goes with this process, for the databases of a session: they are names alone."""
    return tempfile.TemporaryDirectory(prefix="lakehouse-warehouse-")


def heap_mib(memory: int) -> int:
    """The JVM's heap on a machine or in a container of so many bytes; BadInput where Spark has no room."""
    mib = memory >> 20
    if mib < LEAST_MEMORY_MIB:
        raise BadInput(
            f"the Spark engine needs 1.5 GiB of memory, and here are {memory / 2**30:.1f}: "
            "take --engine embedded, or give the machine or container more"
        )
    return min(mib - _BESIDE_HEAP_MIB, _MOST_HEAP_MIB)


@contextmanager
def _told_what_broke(table: Table, changes: DataFrame) -> Iterator[None]:
    """In place of Spark's error, whose message shows a row: personal data that no log may hold."""
    try:
        yield
    except PySparkException as error:
        if _NO_PYTHON.search(str(error)):
            raise LakehouseError(_WORKERS_PYTHON.format(table.full_name)) from error
        raise broken_expectation(table, changes) or _failed(table, error) from error


def _failed(table: Table, error: PySparkException) -> LakehouseError:
    return LakehouseError(
        f"{table.full_name}: Spark could not merge ({error.getCondition() or type(error).__name__}); "
        "run again with --debug for all of it"
    )

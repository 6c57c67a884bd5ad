"""The Spark engine: Spark computes, delta-spark merges; on this machine or on a cluster."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from lakehouse.engine import jars
from lakehouse.engine.expectations import broken_expectation
from lakehouse.engine.log import Log, changed_rows
from lakehouse.engine.memory import memory_bytes
from lakehouse.engine.paths import plain
from lakehouse.engine.store import DELETE, OPERATION, UPSERT, Merged, merge_condition, upserts
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.table import Table

# Below 512 MiB of heap a build of the shipped data thrashes; Python and the JVM's own need the rest.
LEAST_MEMORY_MIB = 1536
_BESIDE_HEAP_MIB, _MOST_HEAP_MIB = 1024, 3072
_CHANGES = "lakehouse_changes"
_USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
_SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    # 50 tasks a commit otherwise, for logs of a few kilobytes.
    "spark.databricks.delta.snapshotPartitions": "1",
}
# Inherited from a process on the embedded engine, such as a notebook, these forbid a classic session.
_CONNECT_MODE = (
    "SPARK_REMOTE",
    "SPARK_LOCAL_REMOTE",
    "SPARK_CONNECT_MODE_ENABLED",
    "SPARK_CONNECT_MODE",
    "SPARK_API_MODE",
)
_LOOPBACK = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
# On one machine time goes into compiling and scheduling, not into rows.
_LOCAL_SETTINGS = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=400m",
    "spark.sql.adaptive.enabled": "false",
}


class SparkStore:
    """Spark and delta-spark on one datamart."""

    name = "spark"

    def __init__(self, log: Log, master: str | None = None) -> None:
        self.log = log
        self.spark = start(master)
        self._is_local = is_local(master)

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
        return self.spark.read.parquet(self.path(path))

    def months_at_once(self, cells_a_month: int, months: int) -> int:
        return max(months, 1)  # Spark spills by itself

    def merge(
        self,
        table: Table,
        changes: DataFrame,
        metadata: dict[str, Any],
        months: Sequence[str] = (),
        insert_only: bool = False,
    ) -> list[Merged]:
        before = self.log.version(table)
        # A MERGE reads its source twice, once where it only inserts.
        source = changes if insert_only else changes.persist()
        try:
            if insert_only or not source.isEmpty():
                self._execute(table, source, metadata, months, insert_only)
        except PySparkException as error:
            # Its message shows the row: personal data that no log may hold.
            raise broken_expectation(table, changes) or _failed(table, error) from error
        finally:
            if not insert_only:
                source.unpersist()
        return self._merged(table, before)

    def _merged(self, table: Table, before: int | None) -> list[Merged]:
        """What the commit since a version did; nothing where there was none."""
        after = self.log.version(table)
        if after is None or after == before:
            return []
        return [Merged(after, **changed_rows(self.log.history(table, 1)[0]["metrics"]))]

    def load(self, table: Table, rows: DataFrame, metadata: dict[str, Any]) -> list[Merged]:
        writer = rows.write.format("delta").mode("append")
        before = self.log.version(table)
        try:
            writer.option("userMetadata", json.dumps(metadata)).save(self.path(self.log.uri(table)))
        except PySparkException as error:
            raise broken_expectation(table, upserts(rows)) or _failed(table, error) from error
        return self._merged(table, before)

    def compact(self, table: Table, metadata: dict[str, Any]) -> int | None:
        before = self.log.version(table)
        self.spark.conf.set(_USER_METADATA, json.dumps(metadata))
        self.spark.sql(f"OPTIMIZE {self._in_sql(table)}").collect()
        after = self.log.version(table)
        return None if after == before else after

    def _execute(
        self,
        table: Table,
        source: DataFrame,
        metadata: dict[str, Any],
        months: Sequence[str],
        insert_only: bool,
    ) -> None:
        self.spark.conf.set(_USER_METADATA, json.dumps(metadata))
        source.createOrReplaceTempView(_CHANGES)
        columns = [f"`{name}`" for name in source.columns if name != OPERATION]
        values = ", ".join(f"s.{name}" for name in columns)
        assignments = ", ".join(f"t.{name} = s.{name}" for name in columns)
        matched = f"""
            WHEN MATCHED AND s.{OPERATION} = '{DELETE}' THEN DELETE
            WHEN MATCHED THEN UPDATE SET {assignments}"""
        self.spark.sql(f"""
            MERGE INTO {self._in_sql(table)} t USING {_CHANGES} s
            ON {merge_condition(table, months)} {"" if insert_only else matched}
            WHEN NOT MATCHED AND s.{OPERATION} = '{UPSERT}'
            THEN INSERT ({", ".join(columns)}) VALUES ({values})
        """)


def start(master: str | None) -> SparkSession:
    """A Spark session with Delta; LakehouseError where there is no Java, or a jar of Delta is altered."""
    for name in _CONNECT_MODE:
        os.environ.pop(name, None)
    cores = os.cpu_count() or 2
    builder = SparkSession.builder.appName("lakehouse").master(master or f"local[{cores}]")
    settings = _SETTINGS | (_LOOPBACK if is_local(master) else {})
    if master is None:
        settings |= {
            **_LOCAL_SETTINGS,
            "spark.driver.memory": f"{heap_mib(memory_bytes())}m",
            "spark.sql.shuffle.partitions": str(cores),
            "spark.sql.warehouse.dir": _warehouse().name,
        }
    settings |= jars.settings()
    for name, value in settings.items():
        builder = builder.config(name, value)
    try:
        spark = builder.getOrCreate()
    except (PySparkException, RuntimeError, OSError) as error:
        raise LakehouseError(
            "Spark does not start: Java 17 or 21 is needed, and on first use Maven Central for Delta's "
            "jars; `python main.py doctor` says what is missing"
        ) from error
    spark.sparkContext.setLogLevel("OFF")
    if "spark.jars" not in settings:
        # They have only now come.
        jars.check(jars.kept_jars())
    return spark


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


def _failed(table: Table, error: PySparkException) -> LakehouseError:
    return LakehouseError(
        f"{table.full_name}: Spark could not merge ({error.getCondition() or type(error).__name__}); "
        "run again with --debug for all of it"
    )

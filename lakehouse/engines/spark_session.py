"""The session of the Spark engine: its settings, the memory it takes, and its start."""

from __future__ import annotations

import os
import sys
import tempfile
from concurrent.futures import TimeoutError
from functools import cache

from py4j.protocol import Py4JError
from pyspark import SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from lakehouse.engines import jars, jvm
from lakehouse.engines.masters import check_answers, is_here, is_local
from lakehouse.engines.sizing import SMALL_BYTES, memory_bytes
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.storage.s3 import s3a_settings

# Below 512 MiB of heap a build of the shipped data thrashes; Python and the JVM's own need the rest.
LEAST_MEMORY_MIB = 1536
_BESIDE_HEAP_MIB, _MOST_HEAP_MIB = 1024, 3072
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
# A setting of ours, which may stand beside those of the cluster in spark-defaults.conf.
_WAIT, _WAIT_SECONDS = "spark.lakehouse.executorsWaitSeconds", "180"
_GIVEN = "PYSPARK_GATEWAY_PORT"
_NOT_HERE = (
    "Spark does not start: Java 17 or 21 is needed, and on first use Maven Central for Delta's "
    "jars; `python main.py doctor` says what is missing"
)
_NOT_ON_CLUSTER = "Spark does not start on {}; --debug shows what it says"
_LOOPBACK = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
_JAVA_OPTIONS = "-XX:ReservedCodeCacheSize=400m -XX:+UseParallelGC"


def start(master: str | None, on_s3a: bool = False, raw_bytes: int = 0) -> SparkSession:
    """A Spark session with Delta that computes; LakehouseError in one line where that is not to be had.

    That is where there is no Java, a jar of Delta is altered, or a cluster's master or workers are silent.
    """
    check_answers(master)
    settings = _settings(master, on_s3a, raw_bytes)
    if on_s3a:
        _check_begun_with_s3a()
    for name in _CONNECT_MODE:
        os.environ.pop(name, None)
    if is_here(master) and _GIVEN not in os.environ:
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
    if is_here(master):
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

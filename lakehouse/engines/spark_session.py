"""The session of the Spark engine: its settings, its memory and its start."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import TimeoutError
from functools import cache

from py4j.protocol import Py4JError
from pyspark import SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from lakehouse.engines import environment, jars, jvm
from lakehouse.engines.masters import check_answers, is_here, is_local
from lakehouse.engines.sizing import SMALL_BYTES, memory_bytes
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.storage.object_store import s3a_settings

# With less than 512 MiB of heap a build of the shipped data is very slow. Python and the JVM need the rest.
LEAST_MEMORY_MIB = 1536
_BESIDE_HEAP_MIB, _MOST_HEAP_MIB = 1024, 3072
_SETTINGS = {
    "spark.app.name": "lakehouse",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    # Otherwise PySpark asks the JVM for each column where in our code it was named.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    # The default is 50 tasks per commit, for logs of a few kilobytes.
    "spark.databricks.delta.snapshotPartitions": "1",
    # No limit besides the 10,000 rows of a batch. With a limit, Spark measures the batch at each row.
    "spark.sql.execution.arrow.maxBytesPerBatch": str(2**31 - 1),
}
# A setting of ours, which may be in spark-defaults.conf with those of the cluster.
_WAIT, _WAIT_SECONDS = "spark.lakehouse.executorsWaitSeconds", "180"
_NOT_HERE = (
    "Spark does not start: Java 17 or 21 is needed, and on first use Maven Central for Delta's "
    "jars; `python main.py doctor` says what is missing"
)
_NOT_ON_CLUSTER = "Spark does not start on {}; --debug shows what it says"
_LOOPBACK = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
_JAVA_OPTIONS = "-XX:ReservedCodeCacheSize=400m -XX:+UseParallelGC"


def start(master: str | None, on_s3a: bool = False, raw_bytes: int = 0) -> SparkSession:
    """A Spark session with Delta that computes; LakehouseError with one line if there is none.

    The reasons are: no Java, an altered jar, or a cluster whose master or workers do not answer.
    """
    check_answers(master)
    settings = _settings(master, on_s3a, raw_bytes)
    if on_s3a:
        _check_begun_with_s3a()
    environment.for_spark(master)
    try:
        spark = jvm.session(settings)
    except RuntimeError as error:
        raise LakehouseError(_NOT_ON_CLUSTER.format(master) if master else _NOT_HERE) from error
    spark.sparkContext.setLogLevel("OFF")
    if "spark.jars.packages" in settings:
        # The jars were resolved only now.
        jars.check(jars.kept_jars(on_s3a))
    if not is_local(spark.sparkContext.master):
        _wait_for_executors(spark)
    return spark


def _check_begun_with_s3a() -> None:
    """LakehouseError if this process has started Spark without S3A, which cannot be added later."""
    begun = SparkContext._active_spark_context
    if (
        begun
        and environment.SUBMITTED not in os.environ
        and "hadoop-aws" not in begun.getConf().get("spark.jars", "")
    ):
        raise LakehouseError(
            "this process has started Spark for a datamart of this machine; open the one in an object "
            "store in a separate process, or first"
        )


def _settings(master: str | None, on_s3a: bool, raw_bytes: int) -> dict[str, str]:
    settings = {**_SETTINGS, "spark.sql.warehouse.dir": _warehouse().name}
    settings |= s3a_settings() if on_s3a else {}
    if environment.SUBMITTED in os.environ:
        # spark-submit has started this process, and has set master, memory and jars.
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
    """Settings of Spark on one machine for work on raw files of this size."""
    if raw_bytes >= SMALL_BYTES:
        return {"spark.driver.extraJavaOptions": _JAVA_OPTIONS}
    # With so little data the time goes into compiling and scheduling, not into rows.
    return {
        "spark.driver.extraJavaOptions": f"{_JAVA_OPTIONS} -XX:TieredStopAtLevel=1",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.shuffle.partitions": str(cores),
    }


def _wait_for_executors(spark: SparkSession) -> None:
    """LakehouseError if a cluster gives no executor; Spark would wait for one without a message."""
    seconds = float(spark.conf.get(_WAIT, _WAIT_SECONDS) or _WAIT_SECONDS)
    try:
        jvm.in_thread(spark.range(1).count).result(seconds)
    except TimeoutError:
        raise LakehouseError(
            f"{spark.sparkContext.master} gave no executor within {seconds:g} s: there is no worker, or "
            "none has the cores and memory that are asked for (spark.executor.cores, "
            f"spark.executor.memory); {_WAIT} is how long to wait"
        ) from None
    except (PySparkException, Py4JError) as error:
        raise LakehouseError(_NOT_ON_CLUSTER.format(spark.sparkContext.master)) from error


@cache
def _warehouse() -> tempfile.TemporaryDirectory[str]:
    """A folder for the databases of a session, which are only names; it is removed with this process."""
    return tempfile.TemporaryDirectory(prefix="lakehouse-warehouse-")


def heap_mib(memory: int) -> int:
    """The heap of the JVM in MiB, for a memory in bytes; BadInput if that is too little for Spark."""
    mib = memory >> 20
    if mib < LEAST_MEMORY_MIB:
        raise BadInput(
            f"the Spark engine needs 1.5 GiB of memory, and there is {memory / 2**30:.1f} GiB: "
            "take --engine embedded, or give the machine or container more"
        )
    return min(mib - _BESIDE_HEAP_MIB, _MOST_HEAP_MIB)

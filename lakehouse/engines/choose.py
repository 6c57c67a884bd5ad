"""The choice of the engine: the one asked for, or the one that fits the size of the raw files."""

from __future__ import annotations

import logging
import os
from importlib.util import find_spec

from lakehouse.bank import Bank
from lakehouse.engines import environment
from lakehouse.engines.sizing import memory_bytes
from lakehouse.engines.store import Store
from lakehouse.progress import Note
from lakehouse.storage.datamart import Datamart

ENGINES = ("auto", "embedded", "spark")
# On one machine the embedded engine was faster at every measured size (benchmarks/README.md). Its limit is
# memory: a build of 3.8 GB of raw files takes 4 GiB.
_AMPLE_MEMORY = 8 << 30
_LARGE_BYTES, _LARGE_BYTES_IN_LITTLE_MEMORY = 4 << 30, 1 << 30


def choose(asked: str, master: str | None, raw_bytes: int, note: Note) -> str:
    """`embedded` or `spark`; `auto` is embedded unless there is a master, much data or no pysail."""
    if asked != "auto":
        return asked
    if master or raw_bytes >= embedded_up_to(memory_bytes()):
        return "spark"
    if find_spec("pysail") is None:
        note(
            "pysail is not installed, so Spark computes; pip install -r requirements.txt installs it"
        )
        return "spark"
    return "embedded"


def embedded_up_to(memory: int) -> int:
    """The bytes of raw files from which on `auto` takes Spark, for a machine with this memory in bytes."""
    return _LARGE_BYTES if memory >= _AMPLE_MEMORY else _LARGE_BYTES_IN_LITTLE_MEMORY


def prepare(name: str, master: str | None = None) -> None:
    """Set the environment that the engine of that name reads, before any thread starts."""
    # As it loads, it writes variables and removes them.
    import numpy  # noqa: F401

    if name == "spark":
        environment.for_spark(_master(master))
    else:
        environment.for_embedded()


def open_store(
    name: str, datamart: Datamart, master: str | None = None, raw_bytes: int = 0
) -> Store:
    """Start the engine of that name on the datamart of the log; `raw_bytes` is the size of the work."""
    _silence_queries()
    # Imported here, because each import takes time and a process needs only one of them.
    if name == "spark":
        from lakehouse.engines.spark import SparkStore

        _send_whole(datamart.catalog.bank)
        return SparkStore(datamart, _master(master), raw_bytes)
    from lakehouse.engines.embedded import EmbeddedStore

    return EmbeddedStore(datamart)


def _send_whole(bank: Bank) -> None:
    """Have Python functions of a bank sent to Spark's workers with their code: these cannot import it."""
    if not bank.is_shipped:
        from pyspark import cloudpickle

        cloudpickle.register_pickle_by_value(bank.module(bank.package))  # type: ignore[no-untyped-call]


def _master(asked: str | None) -> str | None:
    return asked or os.environ.get("SPARK_MASTER")


def engine_losses() -> tuple[type[Exception], ...]:
    """The errors that are raised after the process of the Spark engine has died."""
    from py4j.protocol import Py4JNetworkError

    return ConnectionError, Py4JNetworkError


def _silence_queries() -> None:
    """Keep PySpark from logging the whole query in addition to the error that it raises."""
    from pyspark.logger import PySparkLogger

    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        PySparkLogger.getLogger(name).setLevel(logging.CRITICAL + 1)

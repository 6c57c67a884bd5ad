"""The JVM of the Spark engine; a stop or a cluster that does not answer does not block the command."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from subprocess import Popen, TimeoutExpired
from tempfile import TemporaryFile
from threading import Thread
from typing import IO, Any, TypeVar

from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from lakehouse.stop import before_leaving

_END_SECONDS = 5
_LOOK_SECONDS = 0.05
Made = TypeVar("Made")


def session(settings: Mapping[str, str]) -> SparkSession:
    """A session in the JVM of this process; RuntimeError with the output of the JVM if it does not start."""
    with TemporaryFile() as output:
        # Not in the main thread: there PySpark handles Ctrl-C itself, and after a stop the JVM would go on.
        starting = in_thread(lambda: _session(settings, output))
        before_leaving(lambda: _end(starting))
        try:
            return starting.result()
        except (PySparkException, Py4JError, OSError, RuntimeError, ValueError) as error:
            output.seek(0)
            raise RuntimeError(output.read().decode(errors="replace")) from error


def in_thread(make: Callable[[], Made]) -> Future[Made]:
    """The future result of a call in another thread, which the caller may wait for or not."""
    made: Future[Made] = Future()

    def run() -> None:
        try:
            made.set_result(make())
        except BaseException as error:
            made.set_exception(error)

    Thread(target=run, daemon=True).start()
    return made


def _session(settings: Mapping[str, str], output: IO[bytes]) -> SparkSession:
    conf = SparkConf().setAll(list(settings.items()))
    if SparkContext._active_spark_context is None:
        # The output of the start is not shown; errors come as exceptions.
        streams = {"stdout": output, "stderr": output}
        gateway = SparkContext._gateway or launch_gateway(conf, streams)  # type: ignore[no-untyped-call]
        context: Any = SparkContext(conf=conf, gateway=gateway)
        # After workers ran Python it has a connection, and prints a traceback if the JVM ends first.
        context._accumulatorServer.handle_error = lambda *_: None
    return SparkSession.builder.config(conf=conf).getOrCreate()


def _end(starting: Future[Any]) -> None:
    """Close the input of the JVM, so that it cleans up and ends; kill it if it does not end in time."""
    end = time.monotonic() + _END_SECONDS
    while SparkContext._gateway is None and not starting.done() and time.monotonic() < end:
        time.sleep(_LOOK_SECONDS)
    process: Popen[bytes] | None = getattr(SparkContext._gateway, "proc", None)
    if process is None or process.stdin is None:
        return
    with suppress(OSError):
        process.stdin.close()
    try:
        process.wait(_END_SECONDS)
    except TimeoutExpired:
        process.kill()

"""The JVM of the Spark engine: started so that a stop or a silent cluster does not hold the command."""

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
    """A session in the JVM of this process; RuntimeError with what it said where it does not start."""
    with TemporaryFile() as said:
        # In the main thread PySpark takes Ctrl-C for itself; cut off there, its JVM would never end.
        starting = in_thread(lambda: _session(settings, said))
        before_leaving(lambda: _end(starting))
        try:
            return starting.result()
        except (PySparkException, Py4JError, OSError, RuntimeError, ValueError) as error:
            said.seek(0)
            raise RuntimeError(said.read().decode(errors="replace")) from error


def in_thread(make: Callable[[], Made]) -> Future[Made]:
    """What a thread makes, which may be waited for or left."""
    made: Future[Made] = Future()

    def run() -> None:
        try:
            made.set_result(make())
        except BaseException as error:
            made.set_exception(error)

    Thread(target=run, daemon=True).start()
    return made


def _session(settings: Mapping[str, str], said: IO[bytes]) -> SparkSession:
    conf = SparkConf().setAll(list(settings.items()))
    if SparkContext._active_spark_context is None:
        # What it prints while it starts is no news; its errors reach us as exceptions.
        gateway = SparkContext._gateway or launch_gateway(conf, {"stdout": said, "stderr": said})  # type: ignore[no-untyped-call]
        context: Any = SparkContext(conf=conf, gateway=gateway)
        # Once workers ran Python it has a connection, and prints a traceback where the JVM ends first.
        context._accumulatorServer.handle_error = lambda *_: None
    return SparkSession.builder.config(conf=conf).getOrCreate()


def _end(starting: Future[Any]) -> None:
    """Let the JVM end, which tidies up, once its input is closed; kill it where it does not."""
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

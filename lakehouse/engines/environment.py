"""The environment variables that the engines' libraries read.

A library reads them in threads of its own. A variable that is set meanwhile frees the list under that thread,
and the process crashes. So they are set before a run begins its threads.
"""

from __future__ import annotations

import os
import sys

from lakehouse.engines.masters import is_here

_A_YEAR_SECONDS = 365 * 24 * 60 * 60
_NO_PROXY = "no_grpc_proxy"
_CONNECT_MODE_ENABLED = "SPARK_CONNECT_MODE_ENABLED"
# A parent process with the embedded engine, such as a notebook, sets these; they forbid a classic session.
_CONNECT_MODE = (
    "SPARK_REMOTE",
    "SPARK_LOCAL_REMOTE",
    _CONNECT_MODE_ENABLED,
    "SPARK_CONNECT_MODE",
    "SPARK_API_MODE",
)
# PySpark writes these two itself when Spark has started. Those that are there already move no others.
_SET_BY_PYSPARK = {"SPARK_AUTH_SOCKET_TIMEOUT": "15", "SPARK_BUFFER_SIZE": "65536"}
# spark-submit sets it in a process that it starts, with master, memory and jars.
SUBMITTED = "PYSPARK_GATEWAY_PORT"


def for_embedded() -> None:
    """Set what Sail and gRPC read; a variable that is right already is not written again."""
    # Only this variable controls what Sail logs to stderr; Sail reads it when its library loads.
    _default("RUST_LOG", "off")
    # Without this, gRPC would ask a proxy from the environment for the server in this process, and wait.
    direct = (os.environ.get(_NO_PROXY) or os.environ.get("no_proxy") or "").split(",")
    _set(_NO_PROXY, ",".join(dict.fromkeys([*filter(None, direct), "127.0.0.1"])))
    # With the default the session of a notebook would end after a short pause.
    _default("SAIL_SPARK__SESSION_TIMEOUT_SECS", str(_A_YEAR_SECONDS))
    # `SparkSession.builder.remote` sets this too, but it does not take a channel.
    _set(_CONNECT_MODE_ENABLED, "1")


def for_spark(master: str | None) -> None:
    """Clear what would make PySpark a client; on this machine Spark's workers use this Python."""
    for name in _CONNECT_MODE:
        os.environ.pop(name, None)
    for name, value in _SET_BY_PYSPARK.items():
        _default(name, value)
    if is_here(master) and SUBMITTED not in os.environ:
        # Otherwise Spark takes python3 from the PATH, which may not have numpy.
        _default("PYSPARK_PYTHON", sys.executable)


def _default(name: str, value: str) -> None:
    _set(name, os.environ.get(name, value))


def _set(name: str, value: str) -> None:
    if os.environ.get(name) != value:
        os.environ[name] = value

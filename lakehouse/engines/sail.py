"""Sail's server in this process and the session on it, which a signal leaves whole or not there at all."""

from __future__ import annotations

import atexit

from pysail.spark import SparkConnectServer
from pyspark.sql.connect.client import DefaultChannelBuilder
from pyspark.sql.connect.session import SparkSession

from lakehouse.engines.listener import close_to_others
from lakehouse.stop import unstoppable

# gRPC may close a connection that is not used for half an hour, and would find none to open again.
_NEVER_IDLE = ("grpc.client_idle_timeout_ms", 2**31 - 1)
# A server that nobody holds is stopped by Sail.
SERVERS: list[SparkConnectServer] = []


def start() -> SparkSession:
    """The session on a new server that nobody else reaches.

    Until Python's handlers are back, Sail ends a server on Ctrl-C, even where this process ignores it.
    They then stand in the place of Sail's for good: no signal ends the next server.
    """
    spark = None
    # Stopped half way, it would ask for a server that has ended, at exit, for minutes.
    with unstoppable() as signals:
        try:
            spark = _start()
        except Exception:
            if not signals:
                raise
    if spark and not signals:
        return spark
    # They were ignored: one that is not was raised by now.
    with unstoppable():
        return _start()


def _start() -> SparkSession:
    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    host, port = server.listening_address
    channel = DefaultChannelBuilder(f"sc://{host}:{port}", [_NEVER_IDLE])
    spark = SparkSession.builder.channelBuilder(channel).create()
    # A connection that is lost cannot come again: PySpark would try for minutes, at exit as well.
    spark.client.set_retry_policies([])
    atexit.unregister(spark.client._on_exit)
    # A call, not a wait for a connection: Ctrl-C ends Sail's server too, and none would ever stand.
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    close_to_others((host, port))
    SERVERS.append(server)
    return spark

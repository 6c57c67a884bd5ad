"""Sail's server in this process and its session; after a signal, either both exist or neither."""

from __future__ import annotations

import atexit
from collections.abc import Sequence

from pysail.spark import SparkConnectServer
from pyspark.sql.connect.client import DefaultChannelBuilder
from pyspark.sql.connect.session import SparkSession

from lakehouse.engines.listener import close_to_others
from lakehouse.stop import unstoppable

# gRPC may close a connection that is not used for half an hour, and then cannot open it again.
_NEVER_IDLE = ("grpc.client_idle_timeout_ms", 2**31 - 1)
# Sail stops a server to which there is no reference.
SERVERS: list[SparkConnectServer] = []


def start() -> SparkSession:
    """The session on a new server that nobody else can reach.

    While the server starts, Sail's own handler ends it on Ctrl-C, even if this process ignores the signal.
    Afterwards Python's handlers are back for good, so no signal ends the next server.
    """
    spark = None
    # A session stopped half way would try for minutes, at exit, to reach a server that has ended.
    with unstoppable() as signals:
        try:
            spark = _start(signals)
        except Exception:
            if not signals:
                raise
    if spark and not signals:
        return spark
    # The signals were ignored; one that is not ignored has been raised before this line.
    with unstoppable():
        spark = _start(())
    assert spark
    return spark


def _start(signals: Sequence[int]) -> SparkSession | None:
    """The session on a new server; None if a signal came before it was called, which ends the server."""
    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    host, port = server.listening_address
    channel = DefaultChannelBuilder(f"sc://{host}:{port}", [_NEVER_IDLE])
    spark = SparkSession.builder.channelBuilder(channel).create()
    # A lost connection cannot come back, but PySpark would try for minutes, also at exit.
    spark.client.set_retry_policies([])
    atexit.unregister(spark.client._on_exit)
    if signals:
        # The port of a server that is ending still takes connections: a call would wait for it for long.
        return None
    # A call, not a wait for the connection: if Ctrl-C ends Sail's server, that wait would never end.
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    close_to_others((host, port))
    SERVERS.append(server)
    return spark

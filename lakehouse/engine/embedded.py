"""The embedded engine: Sail computes in this process, delta-rs merges; no Java."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from deltalake import WriterProperties
from deltalake.exceptions import DeltaError
from pyspark.sql import DataFrame, SparkSession

from lakehouse.engine.expectations import broken_expectation
from lakehouse.engine.log import Log, changed_rows, commit_properties
from lakehouse.engine.store import DELETE, OPERATION, UPSERT, Merged, merge_condition
from lakehouse.table import Table

# About 0.2 GB of doubles: two copies of it stay well below 2 GiB with all else.
_CELLS_AT_ONCE = 20_000_000
# A server that nobody holds is stopped by Sail.
_SERVERS: list[Any] = []


class EmbeddedStore:
    """Sail and delta-rs on one datamart."""

    name = "embedded"

    def __init__(self, log: Log) -> None:
        self.log = log
        self.spark = session()

    def read(self, table: Table, version: int | None = None) -> DataFrame:
        reader = self.spark.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        return reader.load(self.log.uri(table))

    def read_parquet(self, path: str) -> DataFrame:
        return self.spark.read.parquet(path)

    def months_at_once(self, cells_a_month: int, months: int) -> int:
        return max(_CELLS_AT_ONCE // max(cells_a_month, 1), 1)

    def merge(
        self, table: Table, changes: DataFrame, metadata: dict[str, Any], insert_only: bool
    ) -> Merged:
        source = changes.toArrow()
        target = self.log.open(table)
        if source.num_rows == 0:
            return Merged(target.version())
        columns = {f'"{name}"': f's."{name}"' for name in changes.columns if name != OPERATION}
        merger = target.merge(
            source,
            merge_condition(table).replace("`", '"'),
            source_alias="s",
            target_alias="t",
            writer_properties=WriterProperties(compression="SNAPPY"),
            commit_properties=commit_properties(metadata),
            streamed_exec=False,  # its statistics prune the target's files
        )
        merger = merger.when_not_matched_insert(columns, predicate=f"s.{OPERATION} = '{UPSERT}'")
        if not insert_only:
            merger = merger.when_matched_delete(f"s.{OPERATION} = '{DELETE}'")
            merger = merger.when_matched_update(columns)
        try:
            metrics = merger.execute()
        except DeltaError as error:
            raise broken_expectation(table, changes) or error from error
        return Merged(target.version(), **changed_rows(metrics))


@cache
def session() -> SparkSession:
    """The one session of this process, on a Sail server that listens on loopback and ends with it."""
    # Sail logs to stderr by this variable alone, read when its library loads.
    os.environ.setdefault("RUST_LOG", "off")
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    _, port = server.listening_address
    spark = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").create()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    _SERVERS.append(server)
    return spark

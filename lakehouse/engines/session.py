"""The engine of a process: it is chosen and started when a lake first needs it."""

from __future__ import annotations

import os
from functools import cached_property

from lakehouse.engines.choose import ENGINES, choose, open_store
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.nearest import meant
from lakehouse.storage.datamart import Datamart


def spark_master() -> str | None:
    """The Spark master that the environment names; None for one in this process."""
    return os.environ.get("SPARK_MASTER")


class Session:
    """The session that a lake shares with every `at` of it; it starts when it is needed."""

    def __init__(self, name: str, datamart: Datamart) -> None:
        if name not in ENGINES:
            hint = meant(name, ENGINES) or " or ".join(ENGINES)
            raise BadInput(f"no engine is called {name!r}; is it {hint}?")
        self._name = name
        self._datamart = datamart

    def name_for(self, held_bytes: int) -> str:
        """The engine that is open, because a process has one; else the one for raw files of this size."""
        opened: Store | None = self.__dict__.get("store")
        return opened.name if opened else choose(self._name, spark_master(), held_bytes, print)

    @cached_property
    def store(self) -> Store:
        log = self._datamart.log
        store = open_store(self.name_for(0), self._datamart, spark_master())
        tables = self._datamart.catalog.tables
        # A datamart of an older program may lack some.
        there = zip(tables, log.of_each(tables, log.exists), strict=True)
        for table in (table for table, exists in there if exists):
            store.spark.sql(f"CREATE DATABASE IF NOT EXISTS {table.layer}")
            # The names belong to the lake that was opened last. To drop a name does not delete files.
            store.spark.sql(f"DROP TABLE IF EXISTS {table.full_name}")
            if not log.exists(table):
                continue  # An older program made the datamart; its next run makes the table.
            uri = store.path(log.uri(table)).replace("'", "\\'")
            store.spark.sql(f"CREATE TABLE {table.full_name} USING delta LOCATION '{uri}'")
        return store

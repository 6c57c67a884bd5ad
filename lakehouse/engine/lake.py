"""The datamart for Python and notebooks: tables as DataFrames, now or as of a release, and in SQL."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame, SparkSession

from lakehouse.catalog import Catalog, load
from lakehouse.engine import inspect, ledger
from lakehouse.engine.choose import choose, open_store
from lakehouse.engine.store import Store
from lakehouse.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd


class Lakehouse:
    """A datamart to read. `engine` is auto, embedded or spark; `release` pins every table's version.

    In its session the tables also answer SQL: `SELECT * FROM gold.label_store VERSION AS OF 4`.
    """

    def __init__(self, datamart: str | Path = "datamart", engine: str | None = None) -> None:
        self.datamart = Path(datamart)
        self.release: int | None = None
        self._engine = engine or os.environ.get("LAKEHOUSE_ENGINE", "auto")
        self._catalog: Catalog = load()
        self._log = inspect.existing_log(self.datamart, self._catalog)
        self._pinned: dict[str, int] = {}

    @cached_property
    def _store(self) -> Store:
        master = os.environ.get("SPARK_MASTER")
        store = open_store(choose(self._engine, master, 0, print), self._log, master)
        for table in self._catalog.tables:
            store.spark.sql(f"CREATE DATABASE IF NOT EXISTS {table.layer}")
            # Names belong to the lake opened last; dropping one leaves the files.
            store.spark.sql(f"DROP TABLE IF EXISTS {table.full_name}")
            uri = str(Path(self._log.uri(table)).absolute()).replace("'", "\\'")
            store.spark.sql(f"CREATE TABLE {table.full_name} USING delta LOCATION '{uri}'")
        return store

    @property
    def spark(self) -> SparkSession:
        """The session, in which the tables answer SQL."""
        return self._store.spark

    def table(self, name: str) -> DataFrame:
        """A table by its name, as gold.label_store; as of the release this lake is at, else now."""
        table = self._catalog.table(name)
        # The ledger is about releases, so it is in none.
        if self.release is None or table.layer == "ledger":
            return self._store.read(table)
        if table.full_name not in self._pinned:
            raise BadInput(f"release {self.release} has no table {table.full_name}: it came later")
        return self._store.read(table, self._pinned[table.full_name])

    def at(self, release: int) -> Lakehouse:
        """The same datamart as it was at a release; BadInput if there is no such release."""
        pinned = Lakehouse.__new__(Lakehouse)
        pinned.__dict__ = {**self.__dict__, "_store": self._store}
        pinned.release = release
        pinned._pinned = ledger.release(self._log, release)["versions"]
        return pinned

    def releases(self) -> pd.DataFrame:
        """A row a release, oldest first; needs no engine."""
        import pandas as pd

        return pd.DataFrame(ledger.releases(self._log)).set_index("release")

    def history(self, name: str) -> pd.DataFrame:
        """A row a version of a table, newest first; needs no engine."""
        import pandas as pd

        rows = inspect.history(self.datamart, self._catalog, name)
        return pd.DataFrame(rows).set_index("version")

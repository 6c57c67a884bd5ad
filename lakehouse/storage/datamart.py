"""A datamart as one value: its place, its logs and its declared tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lakehouse.catalog import Catalog
from lakehouse.storage.log import Log
from lakehouse.storage.place import Place, place


@dataclass(frozen=True)
class Datamart:
    """The place of a datamart, the logs of its tables, and the tables that are declared for it.

    The tables may not exist yet. In messages the place appears as the user named it.
    BadInput for a catalog from whose personal columns nobody could be erased.
    """

    place: Place
    log: Log
    catalog: Catalog

    def __post_init__(self) -> None:
        self.catalog.check_entities()

    @classmethod
    def at(cls, where: str | Path | Place, catalog: Catalog) -> Datamart:
        """The datamart at a folder or URI; BadInput for a URI that cannot hold a datamart."""
        there = place(where)
        return cls(there, Log(there), catalog)

    def __str__(self) -> str:
        return str(self.place)

    @property
    def has_tables(self) -> bool:
        """Whether any declared table exists."""
        return any(self.log.exists(table) for table in self.catalog.tables)

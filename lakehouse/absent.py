"""Optional sources that have no file yet: their tables are absent, and all that is computed from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from lakehouse.catalog import Catalog
from lakehouse.table import Table
from lakehouse.words import named


@dataclass(frozen=True)
class Absent:
    """An optional source that is not there, and the tables that are absent with it."""

    source: str
    tables: tuple[Table, ...]

    def __str__(self) -> str:
        absent = named([table.full_name for table in self.tables])
        verb = "is" if len(self.tables) == 1 else "are"
        return f"no file of the optional source {self.source} has come, so {absent} {verb} absent"


def absent(catalog: Catalog, is_there: Callable[[Table], bool]) -> tuple[Absent, ...]:
    """The optional sources whose bronze table is not there."""
    return tuple(
        Absent(bronze.source.name, _above(catalog, bronze))
        for bronze in catalog.sources
        if bronze.source and bronze.source.optional and not is_there(bronze)
    )


def present(catalog: Catalog, is_there: Callable[[Table], bool]) -> Catalog:
    """The catalog without the tables that are absent."""
    gone = {table for each in absent(catalog, is_there) for table in each.tables}
    if not gone:
        return catalog
    return replace(catalog, modules=tuple(m for m in catalog.modules if m[0] not in gone))


def _above(catalog: Catalog, bronze: Table) -> tuple[Table, ...]:
    """The table, and all that are computed from it."""
    above = [bronze]
    for table in catalog.tables:
        if any(upstream in above for upstream in table.upstreams):
            above.append(table)
    return tuple(above)

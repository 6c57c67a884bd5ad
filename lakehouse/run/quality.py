"""The faults of the raw rows: those in quarantine, and cells of silver that were not taken as they were."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lakehouse import functions as F
from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.months import checked_month
from lakehouse.nearest import meant
from lakehouse.releases import published
from lakehouse.releases.release import Release
from lakehouse.run.issues import ISSUES, OddCells, odd_cells
from lakehouse.run.masked import masked
from lakehouse.table import MONTH, Table

# A cell, as a reason shows it.
_CELL = re.compile(r"'(.*)'", re.DOTALL)


@dataclass(frozen=True)
class BadRow:
    """A row in quarantine; `line` is that of the file, `month` is None if its date cannot be read."""

    source: str
    file: str
    line: int
    month: str | None
    reasons: list[str]


@dataclass(frozen=True)
class Quarantine:
    """The first rows in quarantine by source, file and line, and the number of all that were asked for."""

    rows: list[BadRow]
    row_count: int


@dataclass(frozen=True)
class TableRows:
    """The rows of a silver table, and those in quarantine; `month` is None for all, or if it is unknown."""

    table: str
    source: str
    month: str | None
    rows: int
    quarantined: int


@dataclass(frozen=True)
class Quality:
    """The rows of each silver table, and its cells that were not taken as they were."""

    release: int
    tables: list[TableRows]
    cells: list[OddCells]


def quarantine(
    store: Store,
    source: str | None = None,
    month: str | None = None,
    limit: int = 20,
    release: Release | None = None,
) -> Quarantine:
    """The open rows in quarantine at a release, by default the newest; cells that may be personal are masked.

    BadInput if there is no such source, or for a month that is none.
    """
    sources = {each.source.name: each for each in store.datamart.catalog.sources if each.source}
    if source is not None and source not in sources:
        near = meant(source, sources) or " or ".join(sources)
        raise BadInput(f"no source is called {source!r}; is it {near}?")
    at = release or published.newest(store.log)
    rows = store.read(QUARANTINE, at.versions[QUARANTINE.full_name])
    rows = rows.where(F.col("mended_run_id").isNull())
    if source is not None:
        rows = rows.where(F.col("source") == source)
    if month is not None:
        rows = rows.where(F.col(MONTH) == checked_month(month))
    order = ("source", "_source_file", "_source_line")
    first = rows.orderBy(*order).limit(limit).select(*order, MONTH, "reasons").collect()
    return Quarantine(
        [
            BadRow(name, file, line, month, [_shown(sources.get(name), each) for each in reasons])
            for name, file, line, month, reasons in first
        ],
        rows.count(),
    )


def _shown(source: Table | None, reason: str) -> str:
    """The reason; its cell is masked if the source has personal ones, as in a shifted row any may be one."""
    if source and source.source and not source.source.personal:
        return reason
    return _CELL.sub(lambda cell: f"'{masked(cell[1])}'", reason)


def quality(
    store: Store, name: str | None = None, by_month: bool = False, at: Release | None = None
) -> Quality:
    """The rows, quarantined rows and odd cells of silver tables at a release, by month if asked.

    Without `at` it is the newest release.
    `name` is that of a silver table. BadInput if it has no such cells.
    """
    catalog, release = store.datamart.catalog, at or published.newest(store.log)
    checked = [each for each in catalog.derived if ISSUES in each.columns]
    built = [each for each in checked if each.full_name in release.versions]
    tables = built if name is None else [catalog.table(name)]
    if name is not None and tables[0] not in checked:
        names = " or ".join(each.full_name for each in checked)
        raise BadInput(f"{name} has no cells that were judged; ask for {names}")
    if name is not None and tables[0] not in built:
        raise BadInput(f"release {release.number} has no table {name}; a later one may have it")
    bad = _quarantined(store, release.versions[QUARANTINE.full_name])
    told = []
    for table in tables:
        rows = store.log.rows_by_month(table, release.versions[table.full_name])
        own = {month: n for (source, month), n in bad.items() if source == _source(table)}
        told += _rows_of(table, rows, own, by_month)
    return Quality(release.number, told, odd_cells(store, None, release.versions, tables, by_month))


def _rows_of(
    table: Table, rows: dict[str, int], bad: dict[str | None, int], by_month: bool
) -> list[TableRows]:
    name, source = table.full_name, _source(table)
    if not by_month:
        return [TableRows(name, source, None, sum(rows.values()), sum(bad.values()))]
    months = sorted({*rows, *filter(None, bad)})
    by_months = [TableRows(name, source, m, rows.get(m, 0), bad.get(m, 0)) for m in months]
    return [*by_months, TableRows(name, source, None, 0, bad[None])] if bad.get(None) else by_months


def _source(table: Table) -> str:
    """The raw source of a silver table."""
    first: Sequence[Table] = [up for up in table.upstreams if up.source]
    return first[0].source.name if first and first[0].source else ""


def _quarantined(store: Store, version: int) -> dict[tuple[str, str | None], int]:
    """The open rows in quarantine by source and month."""
    rows = store.read(QUARANTINE, version).where(F.col("mended_run_id").isNull())
    counted = rows.groupBy("source", MONTH).agg(F.count(F.lit(1)).alias("rows"))
    return {(row["source"], row[MONTH]): row["rows"] for row in counted.collect()}

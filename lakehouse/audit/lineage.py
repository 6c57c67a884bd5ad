"""Lineage of each feature, from the declarations and from the engine's own plan of each table.

Tables are planned as a run computes them, from their upstreams as of the release; nothing is computed.
Each outcome column carries a mark into the plans. An engine drops from a plan every column that is not
needed. If a mark is left in the plan of a feature, then the feature derives from that outcome.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.audit.finding import Check, Finding
from lakehouse.audit.plans import plan_of, scanned, unshortened
from lakehouse.catalog import Catalog
from lakehouse.engines.changes import as_declared
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.releases.readable import check_readable
from lakehouse.releases.release import Release
from lakehouse.table import Table
from lakehouse.words import counted, named

# Column -> the outcome columns (layer.table.column) that it derives from; other columns are left out.
Outcomes = Mapping[str, frozenset[str]]


def lineage_check(store: Store, catalog: Catalog, release: Release) -> Check:
    """Check that no feature derives from an outcome, and that no table reads one that it does not declare."""
    began = time.monotonic()
    groups = catalog.feature_groups
    check_readable(store.log, release.pins, dict.fromkeys(t for g in groups for t in ancestors(g)))
    with unshortened(store.spark):
        traced = Trace(store, catalog, release).findings(groups)
        undated = _without_date(Trace(store, catalog, release, _values_without_date), groups)
    return Check(
        name="lineage",
        proves="By the declarations and by the engine's plans, no feature derives from what happened to "
        "a loan after the application. No table reads another one that it does not declare.",
        looked_at="; ".join([_looked_at(groups), *undated]),
        findings=(*_declared(groups), *traced),
        seconds=time.monotonic() - began,
    )


def ancestors(table: Table) -> list[Table]:
    """Every table that this one is computed from, directly or not, by the declarations; nearest first."""
    tables = dict.fromkeys(table.upstreams)
    for upstream in table.upstreams:
        tables |= dict.fromkeys(ancestors(upstream))
    return list(tables)


def _declared(groups: Sequence[Table]) -> Iterator[Finding]:
    """Feature groups that are computed from a gold table with outcomes, whichever columns they take."""
    for group in groups:
        for table in ancestors(group):
            if table.layer == "gold" and _outcomes_of(table):
                yield Finding(
                    group.full_name,
                    f"it declares that it is computed from {table.full_name}, which holds "
                    f"outcomes: {', '.join(_outcomes_of(table))}",
                )


def _outcomes_of(table: Table) -> list[str]:
    return [field.name for field in table.fields if field.outcome]


def _looked_at(groups: Sequence[Table]) -> str:
    features = sum(len(group.features) for group in groups)
    above = dict.fromkeys(table for group in groups for table in ancestors(group))
    planned = sum(1 for table in (*groups, *above) if table.transform)
    holders = [table.full_name for table in above if _outcomes_of(table)]
    return (
        f"{features:,} features of {len(groups)} feature groups, by the plans of {planned} tables; "
        f"outcomes are held by {', '.join(holders) or 'none'} of their {len(above)} ancestors"
    )


def _values_without_date(table: Table) -> list[str]:
    """The columns of reference data without a date that say something; its keys only join it."""
    if not table.is_undated:
        return []
    silent = {*table.keys, table.partition}
    names = [name for name in table.columns if name not in silent]
    return [name for name in names if not name.startswith("_")]


def _without_date(trace: Trace, groups: Sequence[Table]) -> Iterator[str]:
    """For each group that reads data without a date, the features that derive from it."""
    for group in groups:
        names = [each.full_name for each in ancestors(group) if each.is_undated and each.transform]
        if names:
            features = [*trace.outcomes(group)]
            told = f": {named(features)}" if features else ""
            yield (
                f"{group.full_name} reads {', '.join(names)} as of the release, because it has no date; "
                f"{counted(len(features), 'feature')} from there{told}"
            )


class Trace:
    """Plans the tables of a release with a mark on every outcome column, or on others."""

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        release: Release,
        marked: Callable[[Table], list[str]] = _outcomes_of,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._release = release
        self._marked_columns = marked
        self._outcomes_by_table: dict[str, Outcomes] = {}
        self._undeclared: list[Finding] = []

    def findings(self, groups: Sequence[Table]) -> list[Finding]:
        """Each feature that derives from an outcome, and each table that reads what it does not declare."""
        derived = [
            Finding(
                f"{group.full_name}.{feature}",
                f"it derives from {', '.join(sorted(outcomes))}, which is known only after the application",
            )
            for group in groups
            for feature, outcomes in self.outcomes(group).items()
        ]
        return [*derived, *self._undeclared]

    def outcomes(self, table: Table) -> Outcomes:
        """The columns of a table (the features of a feature group) that derive from an outcome."""
        if table.full_name not in self._outcomes_by_table:
            self._outcomes_by_table[table.full_name] = self._traced(table)
        return self._outcomes_by_table[table.full_name]

    def _traced(self, table: Table) -> Outcomes:
        declared = {
            name: frozenset([f"{table.full_name}.{name}"]) for name in self._marked_columns(table)
        }
        if table.transform is None:
            return declared
        marks = {
            _mark(upstream, column): outcomes
            for upstream in table.upstreams
            for column, outcomes in self.outcomes(upstream).items()
        }
        frames = [self._marked(upstream) for upstream in table.upstreams]
        rows = as_declared(table.transform(*frames), table)
        columns = [field.name for field in table.features] if table.group else table.columns
        plan = plan_of(rows.select(*columns))
        self._undeclared += self._undeclared_reads(table, plan)
        traced = {
            column: frozenset().union(*(marks[mark] for mark in left))
            for column, left in _left(rows, columns, marks, plan).items()
        }
        return {**declared, **traced}

    def _marked(self, table: Table) -> DataFrame:
        """The table's rows, with the name of each outcome column in the expression of its value."""
        rows = self._store.read(table, self._version(table))
        key = F.col(f"`{table.keys[0]}`").cast("string")
        # The condition always holds, but no optimizer can know that. It works for every type.
        for column in self.outcomes(table):
            holds = F.concat(key, F.lit(_mark(table, column))) != ""
            rows = rows.withColumn(column, F.when(holds, F.col(column)))
        return rows

    def _version(self, table: Table) -> int:
        release, versions = self._release.number, self._release.versions
        if table.full_name not in versions:
            raise BadInput(
                f"release {release} has no table {table.full_name}; audit a later release"
            )
        return int(versions[table.full_name])

    def _undeclared_reads(self, table: Table, plan: str) -> Iterator[Finding]:
        scanned_tables = scanned(plan, self._catalog.tables)
        declared = {upstream.full_name for upstream in table.upstreams}
        names = {
            scan.full_name if scan else "a file that is not a table's" for scan in scanned_tables
        }
        for name in sorted(names - declared):
            yield Finding(table.full_name, f"its plan reads {name}, which it does not declare")
        if not scanned_tables:
            yield Finding(
                table.full_name,
                "its plan reads no table at all, not even a declared one, so nothing can be traced",
            )


def _left(
    rows: DataFrame, columns: Sequence[str], marks: Collection[str], plan: str
) -> dict[str, list[str]]:
    """The marks left in the plan of each column; searched by halves, because few columns have one."""
    left = [mark for mark in marks if mark in plan]
    if not left or len(columns) == 1:
        return {column: left for column in columns if left}
    middle = len(columns) // 2
    halves = (columns[:middle], columns[middle:])
    by_half = (_left(rows, half, left, plan_of(rows.select(*half))) for half in halves)
    return {column: marks for by_column in by_half for column, marks in by_column.items()}


def _mark(table: Table, column: str) -> str:
    return f"<outcome:{table.full_name}.{column}>"

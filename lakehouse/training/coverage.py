"""How many applications find a row of each feature group, by month of application."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.months import spell
from lakehouse.table import AS_OF_SUFFIX, Table, quoted
from lakehouse.training.point_in_time import JoinedGroup, may_use
from lakehouse.training_columns import APPLICATION, CUSTOMER, SPINE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from lakehouse.engines.store import Store

# If fewer applications than this lack a row, that may be chance.
_FEWEST = 12


@dataclass(frozen=True)
class Found:
    """The number of applications, and of those that found a row."""

    applications: int
    found: int

    def __add__(self, other: Found) -> Found:
        return Found(self.applications + other.applications, self.found + other.found)

    @property
    def share(self) -> float:
        return self.found / self.applications if self.applications else 0.0


@dataclass(frozen=True)
class Coverage:
    """The coverage of one feature group, by month of application in their order."""

    group: str
    by_month: Mapping[str, Found]

    @property
    def whole(self) -> Found:
        return sum(self.by_month.values(), Found(0, 0))

    @property
    def dropped(self) -> dict[str, Found]:
        """The months with less than half of the share before them, unless that may be chance."""
        before, dropped, missing = Found(0, 0), {}, 0.0
        for month, month_found in self.by_month.items():
            expected = before.share * month_found.applications
            if month_found.found * 2 < expected:
                dropped[month] = month_found
                missing += expected - month_found.found
            else:
                before += month_found
        return dropped if missing >= _FEWEST else {}

    def warning(self) -> str | None:
        """One line if no application finds a row, or about months in which the share dropped; else None."""
        if not self.whole.found and self.whole.applications >= _FEWEST:
            return (
                f"{self.group}: none of {self.whole.applications:,} applications finds features; compare its "
                "ids and days with those of the loans"
            )
        if not self.dropped:
            return None
        lost = sum(self.dropped.values(), Found(0, 0))
        rest = [found for month, found in self.by_month.items() if month not in self.dropped]
        some = f"only {lost.found:,}" if lost.found else "none"
        return (
            f"{self.group}: {some} of {lost.applications:,} applications of "
            f"{spell(self.dropped)} find features, after {sum(rest, Found(0, 0)).share:.0%} in other months"
        )


def coverage(store: Store) -> list[Coverage]:
    """The coverage of every group, for all loans of a datamart as they are now; none without loans."""
    catalog = store.datamart.catalog
    if not any(table.labels for table in catalog.tables):
        return []
    loans, columns = catalog.label_store.upstreams[0], catalog.labels.loans
    applications = store.read(loans).select(
        F.col(loans.entity).alias(CUSTOMER), F.col(columns.application).alias(APPLICATION)
    )
    found, names = applications.dropna().distinct(), list[str]()
    for group, dates in (_dates(store, table) for table in catalog.feature_groups):
        # One row per application at each step, so that the loans are read once, not once per group.
        may = F.max(F.when(may_use(group), 1)).alias(group.name)
        found = found.join(dates, CUSTOMER, "left").groupBy(*SPINE, *map(quoted, names)).agg(may)
        names.append(group.name)
    month = F.date_format(F.col(APPLICATION), "yyyy-MM").alias("month")
    counts = [F.count(quoted(name)).alias(name) for name in names]
    rows = sorted(found.groupBy(month).agg(F.count("*").alias("all"), *counts).collect())
    return [
        Coverage(name, {row["month"]: Found(row["all"], row[name]) for row in rows})
        for name in names
    ]


def _dates(store: Store, table: Table) -> tuple[JoinedGroup, DataFrame]:
    """A group with the entity and day of its rows, and without features."""
    assert table.group is not None
    group = table.group
    joined = JoinedGroup(group.name, table.full_name, (), group.max_age_months, group.delay_days)
    dates = store.read(table).select(
        F.col(table.entity).alias(CUSTOMER), F.col(table.date).alias(joined.date_column)
    )
    return joined, dates


def coverage_of(training_set: Path) -> list[Coverage]:
    """The coverage of the groups of a written training set."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    names = pq.read_schema(training_set).names
    columns = [name for name in names if name.endswith(AS_OF_SUFFIX)]
    rows = pq.read_table(training_set, columns=[APPLICATION, *columns])
    rows = rows.append_column("month", pc.strftime(rows[APPLICATION], "%Y-%m"))
    counts = [("month", "count"), *((column, "count") for column in columns)]
    by_month = rows.group_by("month").aggregate(counts).sort_by("month").to_pylist()
    return [
        Coverage(
            column.removesuffix(AS_OF_SUFFIX),
            {row["month"]: Found(row["month_count"], row[f"{column}_count"]) for row in by_month},
        )
        for column in columns
    ]

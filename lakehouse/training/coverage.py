"""How many applications find a row of each feature group, by month of application."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.months import spell
from lakehouse.table import AS_OF_SUFFIX, Table
from lakehouse.training.point_in_time import JoinedGroup, with_features
from lakehouse.training_columns import APPLICATION, CUSTOMER, SNAPSHOT_DATE

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
        """One line about months in which the share dropped; None without such months."""
        if not self.dropped:
            return None
        lost = sum(self.dropped.values(), Found(0, 0))
        rest = [found for month, found in self.by_month.items() if month not in self.dropped]
        return (
            f"{self.group}: only {lost.found:,} of {lost.applications:,} applications of "
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
    groups = [_dates(store, table) for table in catalog.feature_groups]
    joined = with_features(applications.dropna().distinct(), groups)
    month = F.date_format(F.col(APPLICATION), "yyyy-MM").alias("month")
    counts = [F.count(group.date_column).alias(group.name) for group, _ in groups]
    rows = sorted(joined.groupBy(month).agg(F.count("*").alias("all"), *counts).collect())
    return [
        Coverage(group.name, {row["month"]: Found(row["all"], row[group.name]) for row in rows})
        for group, _ in groups
    ]


def _dates(store: Store, table: Table) -> tuple[JoinedGroup, DataFrame]:
    """A group with the entity and day of its rows, and without features."""
    assert table.group is not None
    group = table.group
    joined = JoinedGroup(group.name, table.full_name, (), group.max_age_months, group.delay_days)
    dates = store.read(table).select(
        F.col(table.entity).alias(CUSTOMER), F.col(table.date).alias(SNAPSHOT_DATE)
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

"""The point-in-time join: one row per application, with the features that were known on its day.

The join is about valid time. Known time is decided by the table versions that are joined.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import MINYEAR, date, timedelta
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.table import AS_OF_SUFFIX, quoted
from lakehouse.training_columns import (
    APPLICATION,
    CUSTOMER,
    LABEL_DEF,
    LABEL_OBSERVED,
    LABELLED,
    LOAN,
    SNAPSHOT_DATE,
    SPINE,
)

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

# Part of the id of every training set; change it if the join gives other rows.
JOIN = "0b902681b5b5b33c"


@dataclass(frozen=True)
class JoinedGroup:
    """A feature group in one training set: the features, and the rows that an application may see."""

    name: str
    table: str
    features: tuple[str, ...]
    max_age_months: int
    delay_days: int

    @property
    def date_column(self) -> str:
        """The column that holds the snapshot_date of the feature row that was used."""
        return f"{self.name}{AS_OF_SUFFIX}"

    def window(self, application_date: date) -> tuple[date, date]:
        """The oldest and the newest snapshot_date that an application of that day may use.

        It has the same meaning as `_as_of`, for lookups without an engine.
        """
        oldest = _months_before(application_date, self.max_age_months)
        return oldest, application_date - timedelta(self.delay_days)


def _months_before(day: date, months: int) -> date:
    """The same day `months` months before; like add_months, the last day of a month that is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    if year < MINYEAR:
        return date.min
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def first_labels(label_store: DataFrame, label_def: str) -> DataFrame:
    """One row per loan: its label as first observed, NULL if it is indeterminate.

    Later records of the same month on book are ignored.
    """
    labels = label_store.where(F.col(LABEL_DEF) == label_def)
    first = labels.groupBy(LOAN, CUSTOMER).agg(F.min(SNAPSHOT_DATE).alias(SNAPSHOT_DATE))
    observed = labels.join(first, [LOAN, CUSTOMER, SNAPSHOT_DATE], "left_semi")
    return observed.withColumnRenamed(SNAPSHOT_DATE, LABEL_OBSERVED).select(*LABELLED)


def with_features(spine: DataFrame, groups: Iterable[tuple[JoinedGroup, DataFrame]]) -> DataFrame:
    """The rows of the spine with each group's features as of application_date; NULL if there are none."""
    days = applications(spine)
    return beside(spine, [(group, _as_of(days, rows, group)) for group, rows in groups])


def applications(spine: DataFrame) -> DataFrame:
    """Each customer and day of the spine once."""
    return spine.select(*SPINE).distinct()


def beside(spine: DataFrame, seen: Iterable[tuple[JoinedGroup, DataFrame]]) -> DataFrame:
    """The rows of the spine with the row of each group that its application sees, if there is one."""
    joined, names = spine, spine.columns
    for group, rows in seen:
        joined = joined.join(rows, list(SPINE), "left")
        names += [*group.features, group.date_column]
    # Select the order again, because a join puts its keys first.
    return joined.select(*map(quoted, names))


def may_use(group: JoinedGroup) -> Column:
    """Whether an application may use a row of the group: it was known by then, and is not too old."""
    used = F.col(group.date_column)
    is_known = F.date_add(used, group.delay_days) <= F.col(APPLICATION)
    is_fresh = used >= F.add_months(F.col(APPLICATION), -group.max_age_months)
    return is_known & is_fresh


def _as_of(days: DataFrame, rows: DataFrame, group: JoinedGroup) -> DataFrame:
    """For each customer and day the newest feature row that was known and not too old, if there is one."""
    dated = rows.withColumnRenamed(SNAPSHOT_DATE, group.date_column)
    # The day is chosen with the keys only, so that no wide rows are carried along.
    candidates = days.join(dated.select(CUSTOMER, group.date_column), CUSTOMER)
    newest = (
        candidates.where(may_use(group))
        .groupBy(*SPINE)
        .agg(F.max(group.date_column).alias(group.date_column))
    )
    names = [quoted(name) for name in group.features]
    features = dated.select(CUSTOMER, group.date_column, *names)
    joined = newest.join(features, [CUSTOMER, group.date_column])
    return joined.select(*SPINE, *names, group.date_column)

"""One row: a customer's clicks, this month and over the last 3 and 6 months, as of snapshot_date.

A window of n months ends with the row's own month and takes the months that exist, never a row with
a later snapshot_date. Of an earlier month with several snapshots it takes the last. The engine sets
the months beside each other, numpy computes (`over_months`): both engines give the same bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.bronze.clickstream import SIGNALS
from lakehouse.feature import Feature
from lakehouse.gold.feature_group import KEY_FIELDS, KEYS, feature_group, passed_on
from lakehouse.months import shift
from lakehouse.silver.clickstream import TABLE as CLICKSTREAM
from lakehouse.table import MONTH_FIELD, Field

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WINDOWS_MONTHS = (3, 6)
LONGEST = max(WINDOWS_MONTHS)
_KEYS = (*KEYS, MONTH_FIELD.name)


def windows(rows: DataFrame, months: Sequence[str] | None = None) -> DataFrame:
    """Each row of the months with its features, as doubles."""
    from pyspark import cloudpickle

    from lakehouse import over_months

    # The workers of a cluster have no module of this package.
    cloudpickle.register_pickle_by_value(over_months)  # type: ignore[no-untyped-call]
    names = [feature.name for feature in FEATURES]
    compute = partial(
        over_months.with_features,
        keys=len(_KEYS),
        signals=SIGNALS,
        windows=WINDOWS_MONTHS,
        names=names,
    )
    columns = [
        *(f"{each.name} {each.type}" for each in (*KEY_FIELDS, MONTH_FIELD)),
        *(f"{each} DOUBLE" for each in names),
    ]
    return _beside(rows, months).mapInArrow(compute, ", ".join(columns))


def _beside(rows: DataFrame, months: Sequence[str] | None) -> DataFrame:
    """Each row of the months with its signals, as a list, beside those of the months before it."""
    own = _listed(rows)
    beside = _before(own, months, 0)
    # Joins, not windows over rows: no state grows with the months.
    for age in range(1, LONGEST):
        monthly = _last_of_month(_before(own, months, age))
        beside = beside.join(_aged(monthly, age), ["customer_id", "_month"], "left")
    lists = [_aged_name(age) for age in range(LONGEST)]
    return beside.select(*_KEYS, *lists)


def _listed(rows: DataFrame) -> DataFrame:
    ordinal = F.year("snapshot_date") * 12 + F.month("snapshot_date")
    # One column for all signals: an engine plans and joins it in the time of one.
    signals = F.array(*SIGNALS).alias(_aged_name(0))
    return rows.select(*_KEYS, ordinal.alias("_month"), signals)


def _last_of_month(rows: DataFrame) -> DataFrame:
    months = ["customer_id", "_month"]
    last = rows.groupBy(*months).agg(F.max("snapshot_date").alias("snapshot_date"))
    return rows.join(last, [*months, "snapshot_date"], "left_semi")


def _before(rows: DataFrame, months: Sequence[str] | None, age: int) -> DataFrame:
    """The rows that come `age` months before one of the months; no other partition is read."""
    if months is None:
        return rows
    return rows.where(F.col(MONTH_FIELD.name).isin([shift(month, -age) for month in months]))


def _aged(monthly: DataFrame, age: int) -> DataFrame:
    """The months, each set beside the month that comes `age` months after it."""
    later = (F.col("_month") + age).alias("_month")
    signals = F.col(_aged_name(0)).alias(_aged_name(age))
    return monthly.select("customer_id", later, signals)


def _aged_name(age: int) -> str:
    return f"_signals_{age}"


_STATISTICS = {
    "mean": "Mean of {} over the last {} months.",
    "std": "Spread of {} over the last {} months: sample standard deviation, NULL below 2 months.",
    "trend": "Trend of {} over the last {} months: least squares slope a month, NULL below 2 months.",
}


def _over_windows(signal: str, meaning: str) -> Iterator[Feature]:
    for statistic, doc in _STATISTICS.items():
        for months in WINDOWS_MONTHS:
            name = f"{signal}_{statistic}_{months}m"
            yield passed_on(Field(name, "DOUBLE", doc.format(meaning, months)))


FEATURES = (
    *(passed_on(field) for field in CLICKSTREAM.fields if field.name in SIGNALS),
    passed_on(Field("activity_sum", "BIGINT", "Sum of the signals known of this month.")),
    *(each for name in SIGNALS for each in _over_windows(name, name)),
    *_over_windows("activity", "the sum of the signals"),
    passed_on(
        Field("months_observed", "INT", "Months with clicks among the last 6, this one included.")
    ),
    passed_on(
        Field(
            "months_since_previous",
            "INT",
            "Recency: months since the clicks before these, NULL where none are among the last 6 months.",
        )
    ),
)

TABLE = feature_group(
    "clickstream",
    "A customer's clicks, this month and over the last 3 and 6 months, as of snapshot_date.",
    CLICKSTREAM,
    FEATURES,
    max_age_months=3,
    prepare=windows,
    look_back_months=LONGEST - 1,
    expectations=[("months_observed_in_window", "months_observed >= 1 AND months_observed <= 6")],
)

"""One row: a customer's clicks, this month and over the last 3 and 6 months, as of snapshot_date.

A window of n months ends with the row's own month and takes the months that exist, never a row with
a later snapshot_date. Of an earlier month with several snapshots it takes the last. All sums run
over whole numbers, held as doubles (Spark checks each step of a BIGINT for overflow, which took a
third of its time), month by month in the row: both engines give the same bits. Mean, spread and trend
are single divisions of such sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.bronze.clickstream import SIGNALS
from lakehouse.feature import Feature
from lakehouse.gold.feature_group import KEYS, feature_group, passed_on
from lakehouse.months import shift
from lakehouse.silver.clickstream import TABLE as CLICKSTREAM
from lakehouse.table import MONTH_FIELD, Field

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

WINDOWS_MONTHS = (3, 6)
LONGEST = max(WINDOWS_MONTHS)
ACTIVITY = "activity_sum"
_MEASURED = (*SIGNALS, ACTIVITY)


def windows(rows: DataFrame, months: Sequence[str] | None = None) -> DataFrame:
    """Each row beside the customer's earlier months of its window, as exact sums over them.

    Sums of a signal in a window: n of its months, s of values, q of squares; and with the age of a
    month (0 is the row's own): a of ages, b of squared ages, p of value times age.
    """
    own = _measured(rows)
    # Joins, not windows over rows, and sums in the row: no state grows with the months.
    beside = own
    for age in range(1, LONGEST):
        monthly = _last_of_month(_before(own, months, age))
        beside = beside.join(_aged(monthly, age), ["customer_id", "_month"], "left")
    ages = range(1, LONGEST)
    observed = [F.lit(1), *(F.coalesce(F.col(f"_seen_{age}"), F.lit(0)) for age in ages)]
    previous = F.coalesce(*[F.when(F.col(f"_seen_{age}") == 1, age) for age in ages])
    return beside.select(
        *KEYS,
        MONTH_FIELD.name,
        *_MEASURED,
        reduce(add, observed).alias("months_observed"),
        previous.alias("months_since_previous"),
        *(each for name in _MEASURED for each in _sums(name)),
    )


def _measured(rows: DataFrame) -> DataFrame:
    known = F.coalesce(*SIGNALS).isNotNull()
    total = reduce(add, (F.coalesce(F.col(name), F.lit(0)).cast("double") for name in SIGNALS))
    activity = F.when(known, total)
    ordinal = F.year("snapshot_date") * 12 + F.month("snapshot_date")
    values = [F.col(name).cast("double").alias(name) for name in SIGNALS]
    return rows.select(
        *KEYS, MONTH_FIELD.name, ordinal.alias("_month"), *values, activity.alias(ACTIVITY)
    )


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
    values = [F.col(name).alias(_aged_name(name, age)) for name in _MEASURED]
    later = (F.col("_month") + age).alias("_month")
    return monthly.select("customer_id", later, F.lit(1).alias(f"_seen_{age}"), *values)


def _aged_name(signal: str, age: int) -> str:
    return f"_{signal}_{age}" if age else signal


def _sums(name: str) -> Iterator[Column]:
    values = [_aged_name(name, age) for age in range(LONGEST)]
    terms = {
        "n": "nvl2({v}, 1D, 0D)",
        "s": "coalesce({v}, 0D)",
        "q": "coalesce({v} * {v}, 0D)",
        "a": "nvl2({v}, {age}D, 0D)",
        "b": "nvl2({v}, {squared}D, 0D)",
        "p": "coalesce({v} * {age}D, 0D)",
    }
    # As SQL text: building these as Column objects took longer than computing them.
    for letter, term in terms.items():
        spelt = [
            term.format(v=value, age=age, squared=age * age) for age, value in enumerate(values)
        ]
        # What is multiplied by an age of 0 is 0, and planning takes its time by terms.
        first = 0 if letter in "nsq" else 1
        for months in WINDOWS_MONTHS:
            total = " + ".join(spelt[first:months])
            yield F.expr(total).alias(f"_{letter}_{name}_{months}")


def _mean(n: Column, s: Column) -> Column:
    return s / F.when(n > 0, n)


def _std(n: Column, s: Column, q: Column) -> Column:
    return F.sqrt((n * q - s * s) / F.when(n > 1, n * (n - 1)))


def _trend(n: Column, s: Column, a: Column, b: Column, p: Column) -> Column:
    spread = n * b - a * a
    # Age runs against time, hence the sign.
    return (a * s - n * p) / F.when(spread > 0, spread)


_STATISTICS = (
    ("mean", _mean, "ns", "Mean of {} over the last {} months"),
    (
        "std",
        _std,
        "nsq",
        "Spread of {} over the last {} months: sample standard deviation, NULL below 2 months",
    ),
    (
        "trend",
        _trend,
        "nsabp",
        "Trend of {} over the last {} months: least squares slope a month, NULL below 2 months",
    ),
)


def _over_windows(signal: str, measured: str, meaning: str) -> Iterator[Feature]:
    for statistic, compute, letters, doc in _STATISTICS:
        for months in WINDOWS_MONTHS:
            inputs = tuple(f"_{letter}_{measured}_{months}" for letter in letters)
            name = f"{signal}_{statistic}_{months}m"
            yield Feature(name, "DOUBLE", f"{doc.format(meaning, months)}.", inputs, compute)


FEATURES = (
    *(passed_on(field) for field in CLICKSTREAM.fields if field.name in SIGNALS),
    passed_on(Field(ACTIVITY, "BIGINT", "Sum of the signals known of this month.")),
    *(each for name in SIGNALS for each in _over_windows(name, name, name)),
    *_over_windows("activity", ACTIVITY, "the sum of the signals"),
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

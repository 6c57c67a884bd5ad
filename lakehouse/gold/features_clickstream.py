"""One row: a customer's clicks, this month and over the last 3 and 6 months, as of snapshot_date.

A window of n months ends with the row's own month and takes the months that exist, never a row with
a later snapshot_date. Sums run over whole numbers, so that both engines, and any order of rows, give the
same bits; mean, spread and trend are single divisions of such sums.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.bronze.clickstream import SIGNALS
from lakehouse.feature import Feature
from lakehouse.gold.feature_group import KEYS, feature_group, passed_on
from lakehouse.silver.clickstream import TABLE as CLICKSTREAM
from lakehouse.table import MONTH_FIELD, Field

WINDOWS_MONTHS = (3, 6)
LONGEST = max(WINDOWS_MONTHS)
ACTIVITY = "activity_sum"
_MEASURED = (*SIGNALS, ACTIVITY)


def windows(rows: DataFrame) -> DataFrame:
    """Each row, joined to the customer's rows of its window, as exact sums over these.

    Sums of a signal in a window: n of its months, s of values, q of squares; and with the age a of a
    month (0 is the row's own): a, b of squared ages, p of value times age. Each row meets at most its
    own window, so one customer with very many months costs no more than others.
    """
    measured = _measured(rows)
    offsets = F.explode(F.array(*[F.lit(age) for age in range(LONGEST)]))
    asked = measured.select(
        *KEYS, MONTH_FIELD.name, F.col("_month").alias("_now"), offsets.alias("_age")
    )
    known = measured.withColumnsRenamed({"snapshot_date": "_known"}).drop(MONTH_FIELD.name)
    in_window = (
        asked.withColumn("_month", F.col("_now") - F.col("_age"))
        .join(known, ["customer_id", "_month"])
        .where(F.col("_known") <= F.col("snapshot_date"))
    )
    sums = [each for name in _MEASURED for each in _sums(name)]
    own = [
        F.max(F.when(F.col("_known") == F.col("snapshot_date"), F.col(name))).alias(name)
        for name in _MEASURED
    ]
    observed = F.countDistinct("_age").alias("months_observed")
    before = F.min(F.when(F.col("_age") > 0, F.col("_age"))).alias("months_since_previous")
    return in_window.groupBy(*KEYS, MONTH_FIELD.name).agg(observed, before, *own, *sums)


def _measured(rows: DataFrame) -> DataFrame:
    activity = F.lit(0).cast("bigint")
    for name in SIGNALS:
        activity = activity + F.coalesce(F.col(name), F.lit(0))
    ordinal = F.year("snapshot_date") * 12 + F.month("snapshot_date")
    values = [F.col(name).cast("bigint").alias(name) for name in SIGNALS]
    return rows.select(
        *KEYS, MONTH_FIELD.name, ordinal.alias("_month"), *values, activity.alias(ACTIVITY)
    )


def _sums(name: str) -> Iterator[Column]:
    for months in WINDOWS_MONTHS:
        value = F.when(F.col("_age") < months, F.col(name))
        age = F.when(value.isNotNull(), F.col("_age").cast("bigint"))
        parts = {"n": F.count(value), "s": F.sum(value), "q": F.sum(value * value)}
        parts |= {"a": F.sum(age), "b": F.sum(age * age), "p": F.sum(value * age)}
        for letter, part in parts.items():
            yield part.alias(f"_{letter}_{name}_{months}")


def _mean(n: Column, s: Column) -> Column:
    return s.cast("double") / F.when(n > 0, n)


def _std(n: Column, s: Column, q: Column) -> Column:
    return F.when(n > 1, F.sqrt((n * q - s * s).cast("double") / F.when(n > 1, n * (n - 1))))


def _trend(n: Column, s: Column, a: Column, b: Column, p: Column) -> Column:
    spread = n * b - a * a
    # Age runs against time, hence the sign.
    return F.when(spread > 0, (a * s - n * p).cast("double") / F.when(spread > 0, spread))


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
    passed_on(Field(ACTIVITY, "BIGINT", "Sum of the 20 signals in this month.")),
    *(each for name in SIGNALS for each in _over_windows(name, name, name)),
    *_over_windows("activity", ACTIVITY, "the sum of the 20 signals"),
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
    prepare=windows,
    look_back_months=LONGEST - 1,
    expectations=[("months_observed_in_window", "months_observed >= 1 AND months_observed <= 6")],
)

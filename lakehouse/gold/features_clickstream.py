"""One row: a customer's clicks, this month and over the last 3 and 6 months, as of snapshot_date.

A window of n months ends with the month of the row. It takes the months that exist, and never a row
with a later snapshot_date. From an earlier month with several snapshots it takes the last one.
The engine brings the rows of a customer together and numpy computes (`over_months`), so both engines
give the same bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.bronze.clickstream import SIGNALS
from lakehouse.feature import Feature
from lakehouse.gold.feature_group import KEY_FIELDS, feature_group, passed_on
from lakehouse.silver.clickstream import TABLE as CLICKSTREAM
from lakehouse.table import MONTH_FIELD, Field

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WINDOWS_MONTHS = (3, 6)
LONGEST = max(WINDOWS_MONTHS)
_KEYS = (*KEY_FIELDS, MONTH_FIELD)


def windows(rows: DataFrame, months: Sequence[str] | None = None) -> DataFrame:
    """The rows of the months with their features."""
    from pyspark import cloudpickle

    from lakehouse.gold import over_months

    # The workers of a cluster do not have this package, so the module is sent to them by value.
    cloudpickle.register_pickle_by_value(over_months)  # type: ignore[no-untyped-call]
    names = [feature.name for feature in FEATURES]
    compute = partial(
        over_months.with_features,
        keys=[key.name for key in _KEYS],
        signals=SIGNALS,
        windows=WINDOWS_MONTHS,
        names=names,
        months=months,
    )
    columns = [
        *(f"{key.name} {key.type}" for key in _KEYS),
        *(f"{name} DOUBLE" for name in names),
    ]
    needed = rows.select(*(key.name for key in _KEYS), *SIGNALS)
    # One exchange of the rows. With one join per earlier month the table took twice the time.
    computed = needed.repartition("customer_id").mapInArrow(compute, ", ".join(columns))
    # Counts and signals are whole doubles.
    typed = (F.col(each.name).cast(each.type).alias(each.name) for each in FEATURES)
    return computed.select(*(key.name for key in _KEYS), *typed)


_STATISTICS = {
    "mean": "Mean of {} over the last {} months.",
    "std": "Spread of {} over the last {} months: sample standard deviation, NULL below 2 months.",
    "trend": "Trend of {} over the last {} months: least squares slope per month, NULL below 2 months.",
}


def _over_windows(signal: str, meaning: str) -> Iterator[Feature]:
    for statistic, doc in _STATISTICS.items():
        for months in WINDOWS_MONTHS:
            name = f"{signal}_{statistic}_{months}m"
            yield passed_on(Field(name, "DOUBLE", doc.format(meaning, months)))


FEATURES = (
    *(passed_on(field) for field in CLICKSTREAM.fields if field.name in SIGNALS),
    passed_on(Field("activity_sum", "BIGINT", "Sum of the known signals of this month.")),
    *(feature for name in SIGNALS for feature in _over_windows(name, name)),
    *_over_windows("activity", "the sum of the signals"),
    passed_on(
        Field(
            "months_observed",
            "INT",
            "Number of the last 6 months with clicks, this month included.",
        )
    ),
    passed_on(
        Field(
            "months_since_previous",
            "INT",
            "Months since the previous month with clicks, NULL if the last 6 months have none.",
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

"""The bounds and buckets of days past due, and the record that counts at each month on book."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column

BOUNDS = (30, 60, 90)
# Each bucket with the days at which the next one begins.
_BUCKETS = (("0", 1), ("1-29", 30), ("30-59", 60), ("60-89", 90))
LAST_BUCKET = "90+"
BUCKETS = (*(name for name, _ in _BUCKETS), LAST_BUCKET)
LOAN = ("customer_id", "loan_id")


def number(month: str) -> int:
    """The number of a month, counted from the year 0."""
    return int(month[:4]) * 12 + int(month[5:]) - 1


def month_number(day: Column) -> Column:
    """The number of the day's month, counted from the year 0."""
    return F.year(day) * 12 + F.month(day) - 1


def spelt(number: Column) -> Column:
    """The month of a number, as YYYY-MM."""
    year, month = F.floor(number / 12), F.pmod(number, F.lit(12)) + 1
    padded = [F.lpad(n.cast("string"), size, "0") for n, size in ((year, 4), (month, 2))]
    return F.concat_ws("-", *padded)


def bucket(dpd: Column) -> Column:
    """The bucket of days past due; NULL if they are not known."""
    named = F.when(dpd.isNull(), F.lit(None).cast("string"))
    for name, end in _BUCKETS:
        named = named.when(dpd < end, name)
    return named.otherwise(LAST_BUCKET)


def of_first_known(column: str, where: Column | None = None) -> Column:
    """The value of a column in the first record of a group with a known dpd; NULL if none has one.

    `where` says which records are looked at. The label store takes the same record.
    """
    # Not the least of structs, which takes Sail fifty times as long.
    is_known = F.col("dpd").isNotNull()
    is_asked = is_known if where is None else is_known & where
    return F.min_by(column, F.when(is_asked, F.col("snapshot_date")))

"""One row: the loans of a cohort at a month on book, and how many of them were or are past due.

A cell is in the partition of the month in which its cohort is due there: cohort plus month on book. Records
of that month and of the one after count for it, because a loan of the 15th that is recorded on each 1st is
there a month later. Records that come later still are left out; `portfolio` tells how many.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.gold.arrears import BOUNDS, LOAN, first_records, month_number, number, spelt
from lakehouse.silver.loan_daily import TABLE as LOAN_DAILY
from lakehouse.table import Field, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# The longest loan that silver takes, so that `bad_ever` knows its whole life.
_LONGEST_LOAN_MONTHS = 600
LATE_MONTHS = 1


def transform(loans: DataFrame, months: Sequence[str] | None = None) -> DataFrame:
    """The cells of the months; all of them without `months`."""
    counting = _dated(loans).where(F.col("seen_n") <= F.col("due_n") + LATE_MONTHS)
    wanted = counting
    if months is not None:
        wanted = counting.where(F.col("due_n").isin([number(month) for month in months]))
    cells = _cells(first_records(wanted, "cohort_n", "due_n"))
    known = _loans_by_first_bad(counting)
    n_ever = F.when(F.col("first_bad") <= F.col("mob"), F.col("n"))
    n_known = F.when(F.col("known_n") <= F.col("due_n") + LATE_MONTHS, F.col("n"))
    counted = (
        cells.join(known, ["cohort_n", "dpd_bound"])
        .groupBy("cohort_n", "mob", "due_n", "dpd_bound", "loans", "unknown", "bad")
        .agg(F.sum(n_ever).alias("ever"), F.sum(n_known).alias("in_cohort"))
    )
    return counted.select(
        spelt(F.col("cohort_n")).alias("cohort"),
        "mob",
        "dpd_bound",
        "loans",
        "unknown",
        "bad",
        F.coalesce("ever", F.lit(0)).alias("bad_ever"),
        (F.col("loans") == F.col("in_cohort")).alias("mature"),
        spelt(F.col("due_n")).alias("month"),
    )


def _dated(loans: DataFrame) -> DataFrame:
    """The records with the numbers of three months: of application, of the record, and when it is due.

    Numbers, because for each record a day as text takes three times as long.
    """
    cohort = month_number(F.col("loan_start_date"))
    numbered = loans.withColumns({"cohort_n": cohort, "due_n": cohort + F.col("mob")})
    return numbered.withColumn("seen_n", month_number(F.col("snapshot_date")))


def _cells(records: DataFrame) -> DataFrame:
    """The loans at each month on book of a cohort, how many dpd are not known, and the bad for each bound."""
    bad = [F.count(F.when(F.col("dpd") >= bound, 1)).alias(f"bad_{bound}") for bound in BOUNDS]
    counted = records.groupBy("cohort_n", "mob", "due_n").agg(
        F.count("*").alias("loans"),
        F.count(F.when(F.col("dpd").isNull(), 1)).alias("unknown"),
        *bad,
    )
    return _by_bound(counted, ["cohort_n", "mob", "due_n", "loans", "unknown"], "bad")


def _loans_by_first_bad(records: DataFrame) -> DataFrame:
    """The number of loans of a cohort by the month they are known from, and where they were bad first."""
    first = [
        F.min(F.when(F.col("dpd") >= bound, F.col("mob"))).alias(f"first_bad_{bound}")
        for bound in BOUNDS
    ]
    by_loan = records.groupBy(*LOAN, "cohort_n").agg(F.min("seen_n").alias("known_n"), *first)
    told = _by_bound(by_loan, ["cohort_n", "known_n"], "first_bad")
    return told.groupBy(*told.columns).agg(F.count("*").alias("n"))


def _by_bound(rows: DataFrame, kept: Sequence[str], name: str) -> DataFrame:
    """A row for each bound: the columns that are kept, the bound, and its own column under one name."""
    pairs = (
        F.struct(F.lit(bound).alias("dpd_bound"), F.col(f"{name}_{bound}").alias(name))
        for bound in BOUNDS
    )
    told = rows.select(*kept, F.explode(F.array(*pairs)).alias("each"))
    return told.select(*kept, F.col("each.dpd_bound"), F.col(f"each.{name}"))


TABLE = Table(
    layer="gold",
    name="vintages",
    doc="The loans of a cohort at a month on book, and how many of them were or are past due.",
    keys=("cohort", "mob", "dpd_bound"),
    fields=(
        Field("cohort", "STRING", "Month of application, as YYYY-MM."),
        Field("mob", "INT", "Month on book."),
        Field("dpd_bound", "INT", "The days past due from which a loan is bad: 30, 60 or 90."),
        Field("loans", "BIGINT", "Loans with a record at that month on book.", outcome=True),
        Field(
            "unknown",
            "BIGINT",
            "Loans among them whose days past due are not known; they do not count as bad.",
            outcome=True,
        ),
        Field("bad", "BIGINT", "Loans at or above the bound at that month on book.", outcome=True),
        Field(
            "bad_ever",
            "BIGINT",
            "Loans of the cohort at or above the bound then or before, also if they have no record any more.",
            outcome=True,
        ),
        Field(
            "mature",
            "BOOLEAN",
            "Whether every loan of the cohort, as known a month later, has a record there.",
            outcome=True,
        ),
        Field(
            "month",
            "STRING",
            "Month in which the cohort is due at that month on book, as YYYY-MM; the partition.",
        ),
    ),
    upstreams=(LOAN_DAILY,),
    transform=transform,
    look_back_months=_LONGEST_LOAN_MONTHS,
    look_ahead_months=LATE_MONTHS,
    expectations=(
        ("bad_among_loans", "bad + unknown <= loans"),
        ("bad_is_bad_ever", "bad <= bad_ever"),
    ),
)

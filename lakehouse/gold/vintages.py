"""One row: the loans of a cohort at a month on book, and how many of them were or are past due.

A cell is in the partition of the month in which its cohort is due there: cohort plus month on book. Records
of that month and of the one after count for it, because a loan of the 15th that is recorded on each 1st is
there a month later. Records that come later still are left out; `portfolio` tells how many.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.gold.arrears import BOUNDS, LOAN, month_number, number, of_first_known, spelt
from lakehouse.silver.loan_daily import TABLE as LOAN_DAILY
from lakehouse.table import Field, Table

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

# The longest loan that silver takes, so that `bad_ever` knows its whole life. A cohort is as many months
# before a cell as the cell's month on book, and has no records before its own month.
_LONGEST_LOAN_MONTHS = 600
LATE_MONTHS = 1
# So many months are counted in one pass, each in columns of its own; a run of one month computes two.
_FEW_MONTHS = 3
_FIRST_BAD = [f"first_bad_{bound}" for bound in BOUNDS]


def transform(loans: DataFrame, months: Sequence[str] | None = None) -> DataFrame:
    """The cells of the months; all of them without `months`."""
    counting = _dated(loans).where(F.col("seen_n") <= F.col("due_n") + LATE_MONTHS)
    if months is None:
        counted = _counted(counting, counting)
    elif len(months) <= _FEW_MONTHS:
        counted = _counted_of_few(counting, [number(month) for month in months])
    else:
        is_wanted = F.col("due_n").isin([number(month) for month in months])
        counted = _counted(counting, counting.where(is_wanted))
    pairs = (
        F.struct(
            F.lit(bound).alias("dpd_bound"),
            F.col(f"bad_{bound}").alias("bad"),
            F.col(f"ever_{bound}").alias("bad_ever"),
        )
        for bound in BOUNDS
    )
    told = counted.withColumn("each", F.explode(F.array(*pairs)))
    return told.select(
        spelt(F.col("cohort_n")).alias("cohort"),
        (F.col("due_n") - F.col("cohort_n")).alias("mob"),
        "each.dpd_bound",
        "loans",
        "unknown",
        "each.bad",
        F.coalesce("each.bad_ever", F.lit(0)).alias("bad_ever"),
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


def _counted(counting: DataFrame, wanted: DataFrame) -> DataFrame:
    """The numbers of the cells that the wanted records are in, a row each; bounds are columns."""
    cells = _cells(wanted)
    known = (
        _by_loan(counting).groupBy("cohort_n", "known_n", *_FIRST_BAD).agg(F.count("*").alias("n"))
    )
    mob = F.col("due_n") - F.col("cohort_n")
    ever = [
        F.sum(F.when(F.col(first) <= mob, F.col("n"))).alias(f"ever_{bound}")
        for bound, first in zip(BOUNDS, _FIRST_BAD, strict=True)
    ]
    n_known = F.when(F.col("known_n") <= F.col("due_n") + LATE_MONTHS, F.col("n"))
    joined = cells.join(known, "cohort_n").groupBy(*cells.columns)
    return joined.agg(F.sum(n_known).alias("in_cohort"), *ever)


def _counted_of_few(counting: DataFrame, due: Sequence[int]) -> DataFrame:
    """The same for a few months in one pass over all records, without a join."""
    of_months = []
    for month in due:
        is_due = F.col("due_n") == month
        of_months.append(of_first_known("dpd", is_due).alias(f"dpd_{month}"))
        of_months.append(F.count(F.when(is_due, 1)).alias(f"records_{month}"))
    places = (
        F.struct(
            F.lit(month).alias("due_n"),
            F.col(f"dpd_{month}").alias("dpd"),
            (F.col(f"records_{month}") > 0).alias("is_there"),
        )
        for month in due
    )
    loans = _by_loan(counting, *of_months).withColumn("place", F.explode(F.array(*places)))
    due_n, dpd, is_there = (F.col(f"place.{name}") for name in ("due_n", "dpd", "is_there"))
    mob = due_n - F.col("cohort_n")
    counts = {
        "loans": is_there,
        "unknown": is_there & dpd.isNull(),
        **{f"bad_{bound}": dpd >= bound for bound in BOUNDS},
        "in_cohort": F.col("known_n") <= due_n + LATE_MONTHS,
        **{
            f"ever_{bound}": F.col(first) <= mob
            for bound, first in zip(BOUNDS, _FIRST_BAD, strict=True)
        },
    }
    counted = loans.groupBy("cohort_n", due_n.alias("due_n")).agg(
        *(F.count(F.when(is_so, 1)).alias(name) for name, is_so in counts.items())
    )
    return counted.where(F.col("loans") > 0)


def _cells(records: DataFrame) -> DataFrame:
    """The loans at each month on book of a cohort, how many dpd are not known, and the bad for each bound."""
    by_loan = records.groupBy(*LOAN, "cohort_n", "due_n").agg(of_first_known("dpd").alias("dpd"))
    bad = [F.count(F.when(F.col("dpd") >= bound, 1)).alias(f"bad_{bound}") for bound in BOUNDS]
    return by_loan.groupBy("cohort_n", "due_n").agg(
        F.count("*").alias("loans"),
        F.count(F.when(F.col("dpd").isNull(), 1)).alias("unknown"),
        *bad,
    )


def _by_loan(records: DataFrame, *more: Column) -> DataFrame:
    """For each loan of a cohort the month it is known from, and where it was bad first for each bound."""
    first = (
        F.min(F.when(F.col("dpd") >= bound, F.col("mob"))).alias(name)
        for bound, name in zip(BOUNDS, _FIRST_BAD, strict=True)
    )
    by_loan = records.groupBy(*LOAN, "cohort_n")
    return by_loan.agg(F.min("seen_n").alias("known_n"), *first, *more)


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
    look_back_column="mob",
    look_ahead_months=LATE_MONTHS,
    expectations=(
        ("bad_among_loans", "bad + unknown <= loans"),
        ("bad_is_bad_ever", "bad <= bad_ever"),
    ),
)

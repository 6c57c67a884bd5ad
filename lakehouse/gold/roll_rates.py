"""One row: the loans that went from one bucket of days past due to another, from a month to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.gold.arrears import LOAN, bucket, first_records, month_number, number, spelt
from lakehouse.silver.loan_daily import TABLE as LOAN_DAILY
from lakehouse.table import Field, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def transform(loans: DataFrame, months: Sequence[str] | None = None) -> DataFrame:
    """The moves of the months; all of them without `months`.

    A loan counts in the month in which it reaches a month on book, if the month before has its record at the
    month on book before. A dpd that is not known leaves it out.
    """
    dated = loans.where(F.col("mob").isNotNull())
    records = first_records(dated.withColumn("n", month_number(F.col("snapshot_date"))), "n")
    now = records
    if months is not None:
        now = records.where(F.col("n").isin([number(month) for month in months]))
    before = records.select(
        *LOAN, (F.col("n") + 1).alias("n"), "mob", F.col("dpd").alias("dpd_before")
    )
    # A loan that is recorded each day is there in two months, and has moved only in the first of them.
    reached = now.join(before.drop("dpd_before"), [*LOAN, "n", "mob"], "left_anti")
    moved = reached.join(before.withColumn("mob", F.col("mob") + 1), [*LOAN, "n", "mob"])
    known = moved.where(F.col("dpd").isNotNull() & F.col("dpd_before").isNotNull())
    buckets = (
        bucket(F.col("dpd_before")).alias("bucket_from"),
        bucket(F.col("dpd")).alias("bucket_to"),
    )
    # Whole cents have one sum in any order; doubles do not.
    cents = F.floor(F.col("balance") * 100 + 0.5).cast("decimal(20,0)")
    counted = known.groupBy("n", *buckets).agg(
        F.count("*").alias("loans"), (F.sum(cents).cast("double") / 100).alias("balance")
    )
    return counted.select(
        spelt(F.col("n")).alias("month"), "bucket_from", "bucket_to", "loans", "balance"
    )


TABLE = Table(
    layer="gold",
    name="roll_rates",
    doc="The loans that went from one bucket of days past due to another, from a month to the next.",
    keys=("month", "bucket_from", "bucket_to"),
    fields=(
        Field("month", "STRING", "The month of the move, as YYYY-MM; the partition."),
        Field(
            "bucket_from",
            "STRING",
            "Days past due at the month on book before: 0, 1-29, 30-59, 60-89 or 90+.",
            outcome=True,
        ),
        Field("bucket_to", "STRING", "Days past due now, in the same buckets.", outcome=True),
        Field("loans", "BIGINT", "Loans that made this move.", outcome=True),
        Field(
            "balance",
            "DOUBLE",
            "Amount that they still have to pay, each to the cent; those with no known balance add nothing.",
            outcome=True,
        ),
    ),
    upstreams=(LOAN_DAILY,),
    transform=transform,
    look_back_months=1,
    expectations=(("some_loan_moved", "loans > 0"),),
)

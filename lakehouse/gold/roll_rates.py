"""One row: the loans that went from one bucket of days past due to another, from a month to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.gold.arrears import LOAN, bucket, month_number, number, of_first_known, spelt
from lakehouse.silver.loan_daily import TABLE as LOAN_DAILY
from lakehouse.table import Field, Table

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


_NOW, _BEFORE, _HELD = range(3)


def transform(loans: DataFrame, months: Sequence[str] | None = None) -> DataFrame:
    """The moves of the months; all of them without `months`.

    A loan counts in the month in which it reaches a month on book, if the month before has its record at the
    month on book before. A dpd that is not known leaves it out.
    """
    records = _records(loans)
    # Each record tells of a month and a month on book: that it is there, and what follows in the next month.
    # To group what is told takes less than to join records with those of the month before.
    places = [_place(_NOW, 0, 0), _place(_BEFORE, 1, 1), _place(_HELD, 1, 0)]
    placed = records.withColumn("place", F.explode(F.array(*places)))
    if months is not None:
        placed = placed.where(F.col("place.n").isin([number(month) for month in months]))

    def of(place: int, column: str) -> Column:
        return F.max(F.when(F.col("place.what") == place, F.col(column)))

    moves = placed.groupBy(*LOAN, F.col("place.n").alias("n"), F.col("place.mob").alias("mob")).agg(
        of(_NOW, "dpd").alias("dpd"),
        of(_NOW, "balance").alias("balance"),
        of(_BEFORE, "dpd").alias("dpd_before"),
        F.max("place.what").alias("most"),
    )
    # A loan that is recorded each day is there in two months, and has moved only in the first of them.
    moved = moves.where(F.col("most") < _HELD)
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


def _records(loans: DataFrame) -> DataFrame:
    """One row per loan, month and month on book: dpd and balance of its first record with a known dpd."""
    numbered = loans.withColumn("n", month_number(F.col("snapshot_date")))
    return (
        numbered.where(F.col("mob").isNotNull())
        .groupBy(*LOAN, "n", "mob")
        .agg(of_first_known("dpd").alias("dpd"), of_first_known("balance").alias("balance"))
    )


def _place(what: int, months: int, mobs: int) -> Column:
    """The place that a record tells of: so many months later, and so many months on book on."""
    return F.struct(
        F.lit(what).alias("what"),
        (F.col("n") + months).alias("n"),
        (F.col("mob") + mobs).alias("mob"),
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

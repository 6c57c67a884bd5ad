"""One row: a loan on a day of its life, typed, with month on book and days past due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.bronze.loan_daily import TABLE as BRONZE
from lakehouse.silver.cleaning import Rule, date, number, silver_table
from lakehouse.table import Field

if TYPE_CHECKING:
    from pyspark.sql import Column

_AMOUNT_HIGH = 1e9


def mob() -> Column:
    """Month on book: the installments due so far."""
    return F.col("installment_num")


def installments_missed() -> Column:
    """The overdue amount in installments, rounded up; 0 if nothing is due."""
    # In cents, because 436.35 / 145.45 is a little above 3 in doubles.
    due, overdue = _cents("due_amt"), _cents("overdue_amt")
    return F.when(due > 0, F.ceil(overdue / F.when(due > 0, due))).when(due <= 0, 0)


def _cents(amount: str) -> Column:
    return F.floor(F.col(amount) * 100 + 0.5).cast("double")


def first_missed_date() -> Column:
    """The day of the first missed installment; NULL if none is missed."""
    missed = F.col("installments_missed")
    return F.when(missed > 0, F.add_months(F.col("snapshot_date"), -missed))


def dpd() -> Column:
    """Days past due: days since the first missed installment, 0 if none is missed."""
    late = F.datediff(F.col("snapshot_date"), F.col("first_missed_date"))
    return F.when(F.col("installments_missed") > 0, late).when(F.col("installments_missed") == 0, 0)


TABLE = silver_table(
    BRONZE,
    "A loan on a day of its life, typed, with month on book and days past due.",
    [
        date("loan_start_date", "The day of the application and the start of the loan."),
        number("tenure", 0, 600, "Number of monthly installments.", whole=True),
        number("installment_num", 0, 600, "Installments due so far.", whole=True),
        number("loan_amt", 0, _AMOUNT_HIGH, "Amount lent."),
        number("due_amt", 0, _AMOUNT_HIGH, "Installment due at this date."),
        number("paid_amt", 0, _AMOUNT_HIGH, "Amount paid for this installment."),
        number("overdue_amt", 0, _AMOUNT_HIGH, "Sum of the amounts that are due and not paid."),
        number("balance", 0, _AMOUNT_HIGH, "Amount still to be paid."),
    ],
    rules=[
        Rule(
            "overdue_amt",
            "due_amt > 0 AND overdue_amt > due_amt * coalesce(tenure, 600)",
            "over all installments of the loan",
        )
    ],
    derived=[
        (Field("mob", "INT", "Month on book: installments due so far."), mob),
        (
            Field(
                "installments_missed",
                "INT",
                "ceil(overdue_amt / due_amt), 0 if nothing is due.",
                outcome=True,
            ),
            installments_missed,
        ),
        (
            Field(
                "first_missed_date",
                "DATE",
                "snapshot_date minus installments_missed months.",
                outcome=True,
            ),
            first_missed_date,
        ),
        (
            Field(
                "dpd", "INT", "Days past due: days from first_missed_date, else 0.", outcome=True
            ),
            dpd,
        ),
    ],
    expectations=[
        ("dpd_not_negative", "dpd IS NULL OR dpd >= 0"),
        ("mob_not_negative", "mob IS NULL OR mob >= 0"),
    ],
)

"""One row: a loan on a day of its life, typed, with month on book and days past due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.bronze.loan_daily import TABLE as BRONZE
from lakehouse.silver.cleaning import Rule, date, number, silver_table
from lakehouse.table import Field

if TYPE_CHECKING:
    from pyspark.sql import Column

# Far above any loan in any currency: a large amount is never the reason why a loan loses its label.
_AMOUNT_HIGH = 1e15
# An amount that is n installments in decimals may be a little more in doubles, or in a rounded file.
_TOLERANCE = 1e-6
# A first missed installment further back has no date: the calendar begins with year 1.
_MOST_MISSED = 12 * 1900


def mob() -> Column:
    """Month on book: the installments due so far."""
    return F.col("installment_num")


def installments_missed() -> Column:
    """The overdue amount in installments, rounded up.

    It is 0 if nothing is overdue or the loan is overpaid. It is NULL if an amount is unknown, if something
    is overdue but nothing is due, and beyond 22,800 installments.
    """
    due, overdue = F.col("due_amt"), F.col("overdue_amt")
    missed = F.ceil(overdue / F.when(due > 0, due) * (1 - _TOLERANCE))
    counted = F.when((due >= 0) & (overdue <= 0), 0).when(due > 0, missed)
    return F.when(counted <= _MOST_MISSED, counted)


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
        number(
            "overdue_amt",
            -_AMOUNT_HIGH,
            _AMOUNT_HIGH,
            "Sum of what was due and not paid so far; negative where the loan is overpaid.",
        ),
        number("balance", 0, _AMOUNT_HIGH, "Amount still to be paid."),
    ],
    rules=[
        Rule(
            "overdue_amt",
            "due_amt > 0 AND overdue_amt * (1 - 1e-6) > due_amt * coalesce(tenure, 600)",
            "over all installments of the loan",
            loses="nothing",
        ),
        Rule("overdue_amt", "due_amt <= 0 AND overdue_amt > 0", "nothing is due", loses="nothing"),
        # The sign is turned, or the unit is another one; or the loan was overpaid before.
        Rule(
            "overdue_amt",
            "paid_amt < due_amt AND overdue_amt <> 0 AND overdue_amt * 10 < due_amt - paid_amt",
            "far below what is not paid of this installment",
            loses="nothing",
        ),
        # No interest makes twenty loans of one: dpd would divide cents by dollars.
        Rule(
            "due_amt",
            "due_amt > 0 AND due_amt * tenure NOT BETWEEN loan_amt / 20 AND loan_amt * 20",
            "all installments are far from the amount lent",
            loses="nothing",
        ),
    ],
    derived=[
        (Field("mob", "INT", "Month on book: installments due so far."), mob),
        (
            Field(
                "installments_missed",
                "INT",
                "ceil(overdue_amt / due_amt); 0 where nothing is overdue, NULL where nothing is due.",
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

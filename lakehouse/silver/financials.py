"""One row: a customer's finances in the month of the application, typed.

Each bound lies in a gap of the real data: the largest honest value is well below it and the smallest
impossible value above it. Num_Bank_Accounts, for example, has values up to 11, then 26 to 1,756.
Bounds of amounts are in dollars, see currency.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.bronze.credit_words import CREDIT_MIX, KINDS_OF_LOAN, PAYMENT_BEHAVIOURS
from lakehouse.bronze.financials import TABLE as BRONZE
from lakehouse.silver.cleaning import Cell, Rule, choice, number, silver_table
from lakehouse.silver.currency import amount
from lakehouse.table import Field

if TYPE_CHECKING:
    from pyspark.sql import Column

_AGE_OF_HISTORY = r"^([0-9]{1,3}) Years? and ([0-9]|1[01]) Months?\z"
_AMOUNT_HIGH = 1e7  # dollars


def _months(value: Column) -> Column:
    years, months = (
        F.regexp_extract(value, _AGE_OF_HISTORY, group).try_cast("int") for group in (1, 2)
    )
    return years * 12 + months


def _kinds(value: Column) -> Column:
    """Returns the kinds as they are declared, whatever their case and blanks; NULL for an unknown one."""
    # One pattern for the whole cell: a search for all that may stand between kinds took four times as long.
    spaced = F.concat(F.lit(" "), F.regexp_replace(F.lower(value), r"\s+", " "))
    # A comma or semicolon, with `and` behind it or not, or `and` by itself.
    parted = F.replace(F.replace(spaced, F.lit(";"), F.lit(",")), F.lit(",and "), F.lit(","))
    kinds = F.split(F.replace(parted, F.lit(" and "), F.lit(",")), ",")
    trimmed = F.transform(kinds, lambda kind: F.trim(kind))
    return F.transform(F.filter(trimmed, lambda kind: kind != ""), _declared_kind)


def _declared_kind(kind: Column) -> Column:
    declared = F.lit(None).cast("string")
    for each in KINDS_OF_LOAN:
        declared = F.when(kind == each.lower(), each).otherwise(declared)
    return declared


CREDIT_HISTORY = Cell(
    raw="Credit_History_Age",
    field=Field("credit_history_months", "INT", "Age of the credit history in months."),
    parse=_months,
    judge=lambda value, months: F.when(
        value.isNotNull() & months.isNull(), "not like `10 Years and 9 Months`"
    ),
)
TYPES_OF_LOAN = Cell(
    raw="Type_of_Loan",
    field=Field(
        "type_of_loan",
        "ARRAY<STRING>",
        "Kinds of the loans at other banks, one entry per loan; NULL for a kind that is not known.",
    ),
    parse=_kinds,
    judge=lambda value, _: F.when(value.isNull(), F.lit(None).cast("string")),
)

TABLE = silver_table(
    BRONZE,
    "A customer's finances in the month of the application, typed; an impossible value is NULL.",
    [
        amount("Annual_Income", 0, _AMOUNT_HIGH, "Annual income."),
        amount("Monthly_Inhand_Salary", 0, 1e6, "Monthly salary after deductions."),
        number("Num_Bank_Accounts", 0, 20, "Number of bank accounts.", whole=True),
        number("Num_Credit_Card", 0, 15, "Number of credit cards.", whole=True),
        number("Interest_Rate", 0, 50, "Interest rate on the credit cards, percent."),
        number("Num_of_Loan", 0, 20, "Number of loans at other banks.", whole=True),
        TYPES_OF_LOAN,
        number(
            "Delay_from_due_date",
            -31,
            366,
            "Mean number of days from due date to payment.",
            whole=True,
        ),
        number("Num_of_Delayed_Payment", 0, 50, "Number of payments that were late.", whole=True),
        number(
            "Changed_Credit_Limit",
            -100,
            100,
            "Change of the card's limit, percent.",
            placeholders=["_"],
        ),
        number("Num_Credit_Inquiries", 0, 30, "Number of credit inquiries.", whole=True),
        choice("Credit_Mix", CREDIT_MIX, "Mix of credits.", placeholders=["_"]),
        amount("Outstanding_Debt", 0, _AMOUNT_HIGH, "Debt still to be paid."),
        number("Credit_Utilization_Ratio", 0, 100, "Share of the credit limit in use, percent."),
        CREDIT_HISTORY,
        choice(
            "Payment_of_Min_Amount",
            ["Yes", "No"],
            "Whether only the minimum was paid.",
            placeholders=["NM"],
        ),
        amount("Total_EMI_per_month", 0, _AMOUNT_HIGH, "Monthly installments of all loans."),
        amount(
            "Amount_invested_monthly",
            0,
            _AMOUNT_HIGH,
            "Amount invested per month.",
            placeholders=["__10000__"],
        ),
        choice(
            "Payment_Behaviour",
            PAYMENT_BEHAVIOURS,
            "Level of spending and size of payments.",
            placeholders=["!@9#%8"],
        ),
        amount("Monthly_Balance", -1e6, 1e6, "Balance at the end of the month."),
    ],
    rules=[
        # In the real data an honest annual income is at most 21 salaries; typing errors begin at 3,000.
        Rule(
            "annual_income",
            "annual_income > 24 * monthly_inhand_salary",
            "over 24 monthly salaries",
        ),
        # It begins at 8 salaries: 49.719 beside a salary of 4,179 is 49 thousand with a thousands point.
        Rule(
            "annual_income",
            "annual_income < 2 * monthly_inhand_salary",
            "under 2 monthly salaries",
        ),
        Rule(
            "type_of_loan",
            "size(array_compact(type_of_loan)) < size(type_of_loan)",
            "a kind that is not known",
            loses="part",
        ),
        Rule(
            "total_emi_per_month",
            "total_emi_per_month > monthly_inhand_salary",
            "over the monthly salary",
        ),
    ],
    expectations=[
        ("income_not_negative", "annual_income IS NULL OR annual_income >= 0"),
        (
            "utilization_is_percent",
            "credit_utilization_ratio IS NULL OR credit_utilization_ratio <= 100",
        ),
    ],
)

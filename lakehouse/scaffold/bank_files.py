"""The files of a new bank: customers, their loans, a feature group and labels, with data and a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

_BRONZE_CUSTOMERS = '''"""One row: a delivered row about a customer, as text."""

from lakehouse.bronze.raw import bronze_table
from lakehouse.table import Field, Source

SOURCE = Source(
    name="customers",
    file_names=("customers.csv",),
    columns=(
        Field("customer_no", "STRING", "The customer, as C1001."),
        Field("full_name", "STRING", "The name; it never leaves bronze.", personal=True),
        Field("income", "STRING", "Income of a month."),
        Field("region", "STRING", "The region: north or south."),
        Field("known_on", "STRING", "The day on which this is known."),
    ),
    keys=("customer_no", "known_on"),
    entity="customer_no",
    date="known_on",
    required=(("customer_no", "identifier"), ("known_on", "date")),
)

TABLE = bronze_table(SOURCE, "A delivered row about a customer.")
'''

_BRONZE_LOANS = '''"""One row: a delivered row about a loan on a day of its life, as text."""

from lakehouse.bronze.raw import bronze_table
from lakehouse.table import Field, Source

SOURCE = Source(
    name="loans",
    file_names=("loans.csv",),
    columns=(
        Field("loan_no", "STRING", "The loan, as L1001."),
        Field("customer_no", "STRING", "The borrower."),
        Field("applied_on", "STRING", "The day of the application."),
        Field("month_on_book", "STRING", "Months since the application."),
        Field("days_late", "STRING", "Days past due.", outcome=True),
        Field("balance", "STRING", "Amount still to be paid.", outcome=True),
        Field("recorded_on", "STRING", "The day of the record."),
    ),
    keys=("customer_no", "loan_no", "recorded_on"),
    entity="customer_no",
    date="recorded_on",
    required=(
        ("customer_no", "identifier"),
        ("loan_no", "identifier"),
        ("applied_on", "date"),
        ("month_on_book", "integer"),
        ("days_late", "integer"),
        ("recorded_on", "date"),
    ),
    order=(("applied_on", "recorded_on"),),
)

TABLE = bronze_table(SOURCE, "A delivered row about a loan on a day of its life.")
'''

_SILVER_CUSTOMERS = '''"""One row: a customer on a day, typed, without the name."""

from lakehouse.silver.cleaning import choice, number, silver_table

from ..bronze.customers import TABLE as BRONZE

TABLE = silver_table(
    BRONZE,
    "A customer on a day, without the name.",
    [
        number("income", 0, 1_000_000, "Income of a month."),
        choice("region", ("north", "south"), "The region."),
    ],
)
'''

_SILVER_LOANS = '''"""One row: a loan on a day of its life, typed."""

from lakehouse.silver.cleaning import date, number, silver_table

from ..bronze.loans import TABLE as BRONZE

TABLE = silver_table(
    BRONZE,
    "A loan on a day of its life, typed.",
    [
        date("applied_on", "The day of the application."),
        number("month_on_book", 0, 600, "Months since the application.", whole=True),
        number("days_late", 0, 20_000, "Days past due.", whole=True),
        number("balance", 0, 10_000_000, "Amount still to be paid."),
    ],
)
'''

_GOLD_CUSTOMERS = '''"""One row: what is known of a customer as of known_on."""

from lakehouse import functions as F
from lakehouse.feature import declared_in, feature
from lakehouse.gold.feature_group import feature_group

from ..silver.customers import TABLE as CUSTOMERS


@feature("DOUBLE")
def income(income):
    """Income of a month."""
    return income


@feature("INT")
def has_low_income(income):
    """1 if the income is below 1,000, else 0; NULL if it is not known."""
    return income < 1_000


@feature("INT")
def is_of_north(region):
    """1 if the customer is of the north, else 0."""
    return F.coalesce(region == "north", F.lit(False))


TABLE = feature_group(
    "customers",
    "What is known of a customer as of known_on.",
    CUSTOMERS,
    declared_in(globals()),
    max_age_months=12,
)
'''

_GOLD_LABELS = '''"""One row: whether a loan was in default three months after its application."""

from lakehouse import functions as F
from lakehouse.label import LabelDefinition, LabelStore, LoanColumns
from lakehouse.table import MONTH_FIELD, Field, Table

from ..silver.loans import TABLE as LOANS

DEFAULT = LabelDefinition("default_3", dpd=30, mob=3, doc="30 or more days late at month 3.")
COLUMNS = LoanColumns(loan="loan_no", application="applied_on", mob="month_on_book")


def transform(loans):
    """The label of each loan that has come to month 3."""
    observed = loans.where(F.col("month_on_book") == DEFAULT.mob)
    label = (F.col("days_late") >= DEFAULT.dpd).cast("int").alias("label")
    return observed.select(
        "customer_no",
        "loan_no",
        "applied_on",
        "recorded_on",
        "month_on_book",
        "days_late",
        "month",
        label,
        F.lit(DEFAULT.name).alias("label_def"),
    )


TABLE = Table(
    layer="gold",
    name="label_store",
    doc="Whether a loan was in default three months after its application.",
    keys=("customer_no", "loan_no", "label_def", "recorded_on"),
    fields=(
        Field("loan_no", "STRING", "The loan."),
        Field("customer_no", "STRING", "The borrower."),
        Field("applied_on", "DATE", "The day of the application."),
        Field("recorded_on", "DATE", "The day on which the label was observed."),
        Field("month_on_book", "INT", "Months since the application."),
        Field("days_late", "INT", "Days past due.", outcome=True),
        Field("label", "INT", "1 is a default, 0 is none.", outcome=True),
        Field("label_def", "STRING", "The name of the definition."),
        MONTH_FIELD,
    ),
    upstreams=(LOANS,),
    transform=transform,
    entity="customer_no",
    date="recorded_on",
    labels=LabelStore(
        definitions=(DEFAULT,),
        own=COLUMNS,
        label="label",
        label_def="label_def",
        loans=COLUMNS,
        dpd="days_late",
        balance="balance",
    ),
)
'''

_TEST = '''"""What the declarations of this bank promise."""

from pathlib import Path

from lakehouse.catalog import load
from lakehouse.testing import check_feature, check_group_is_point_in_time, check_rows

BANK = load(Path(__file__).parent.parent)
CUSTOMERS = BANK.table("gold.features_customers")


def test_a_name_stays_in_bronze():
    assert "full_name" not in BANK.table("silver.customers").columns


def test_an_income_below_1000_is_low():
    cases = ({"income": 999.0}, 1), ({"income": 1_000.0}, 0), ({}, None)
    check_feature(CUSTOMERS, "has_low_income", *cases)


def test_no_feature_comes_from_the_future():
    check_group_is_point_in_time(CUSTOMERS)


def test_a_loan_is_in_default_from_30_days_on_at_month_3():
    loans = [
        {"loan_no": "L1", "month_on_book": 3, "days_late": 30},
        {"loan_no": "L2", "month_on_book": 3, "days_late": 29},
        {"loan_no": "L3", "month_on_book": 2, "days_late": 60},
    ]
    expected = [{"loan_no": "L1", "label": 1}, {"loan_no": "L2", "label": 0}]
    check_rows(BANK.table("gold.label_store"), loans, expected)
'''

_FIRST, _MONTHS, _PER_MONTH, _RECORDS = 1001, 8, 12, 4
_NAMES = ("Ann", "Bo", "Cy", "Di", "Eve", "Flo")


def bank_files(name: str) -> Mapping[str, str]:
    """The texts of a new bank of that name, by their place in its folder."""
    return {
        "bronze/customers.py": _BRONZE_CUSTOMERS,
        "bronze/loans.py": _BRONZE_LOANS,
        "silver/customers.py": _SILVER_CUSTOMERS,
        "silver/loans.py": _SILVER_LOANS,
        "gold/features_customers.py": _GOLD_CUSTOMERS,
        "gold/label_store.py": _GOLD_LABELS,
        f"tests/test_{name}.py": _TEST,
        "data/customers.csv": "".join(f"{line}\n" for line in _customers()),
        "data/loans.csv": "".join(f"{line}\n" for line in _loans()),
    }


def _customers() -> Iterator[str]:
    yield "customer_no,full_name,income,region,known_on"
    for n in range(_MONTHS * _PER_MONTH):
        name, region = _NAMES[n % len(_NAMES)], ("north", "south")[n % 2]
        yield f"C{_FIRST + n},{name} Example,{_income(n)},{region},{_day(n // _PER_MONTH)}"


def _loans() -> Iterator[str]:
    yield "loan_no,customer_no,applied_on,month_on_book,days_late,balance,recorded_on"
    for n in range(_MONTHS * _PER_MONTH):
        applied = n // _PER_MONTH
        for mob in range(_RECORDS):
            late = 30 * (mob - 1) if _is_late(n) and mob > 1 else 0
            yield (
                f"L{_FIRST + n},C{_FIRST + n},{_day(applied)},{mob},{late},{1200 - 300 * mob},"
                f"{_day(applied + mob)}"
            )


def _is_late(n: int) -> bool:
    """Whether a customer is: one of each month, and some of those with a low income."""
    month, place = divmod(n, _PER_MONTH)
    return place == month % _PER_MONTH or (_income(n) < 1000 and (place + month) % 3 == 0)


def _income(n: int) -> int:
    return 600 + 37 * n % 900


def _day(month: int) -> date:
    return date(2024 + month // 12, month % 12 + 1, 1)

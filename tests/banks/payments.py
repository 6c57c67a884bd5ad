"""Events for a copy of the corner bank: payments with times, and a group that is asked on any day."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from pathlib import Path

CUSTOMERS = 160
GROUP = "gold.features_payments"

_BRONZE = '''"""One row: a delivered row about a payment, as text."""

from lakehouse.bronze.raw import bronze_table
from lakehouse.table import Field, Source

TABLE = bronze_table(
    Source(
        name="payments",
        file_names=("payments.csv",),
        columns=(
            Field("payment", "STRING", "The payment."),
            Field("cust_no", "STRING", "Who paid."),
            Field("paid_on", "STRING", "The day."),
            Field("paid_at", "STRING", "The time."),
            Field("amount", "STRING", "The amount."),
        ),
        keys=("cust_no", "payment", "paid_on"),
        entity="cust_no",
        date="paid_on",
        required=(
            ("payment", "text"),
            ("cust_no", "identifier"),
            ("paid_on", "date"),
            ("paid_at", "time"),
        ),
        day_of=(("paid_on", "paid_at"),),
        date_form="dd.mm.yyyy",
        delimiter=";",
    ),
    "A delivered row about a payment.",
)
'''
_SILVER = '''"""One row: a payment."""

from lakehouse.silver.cleaning import number, silver_table, time

from ..bronze.payments import TABLE as BRONZE

TABLE = silver_table(
    BRONZE,
    "A payment.",
    [time("paid_at", "When it was paid."), number("amount", 0, 1000, "The amount.")],
)
'''
_GROUP = '''"""One row: what a customer had paid before a day on which that is asked."""

from lakehouse import functions as F
from lakehouse.feature import declared_in, feature
from lakehouse.gold.feature_group import feature_group
from lakehouse.gold.over_days import days_asked, month_ends, over_days

from ..silver.credits import TABLE as CREDITS
from ..silver.payments import TABLE as PAYMENTS


@feature("DOUBLE")
def paid_30d(amount_sum_30d):
    """Paid in the 30 days before."""
    return F.coalesce(amount_sum_30d, F.lit(0.0))


@feature("INT")
def payments_90d(events_90d):
    """Payments of the 90 days before."""
    return events_90d


def prepare(payments, credits, months):
    """Payments before each day on which a customer applied, and before each month end."""
    applied = credits.where("opened_on = seen_on").withColumnRenamed("seen_on", "asked_on")
    ends = month_ends(payments, ["cust_no"], "asked_on", "paid_on")
    asked = days_asked(["cust_no"], "asked_on", applied, ends, months=months)
    return over_days(asked, payments, ["cust_no"], "asked_on", "paid_on", ["amount"], [30, 90])


TABLE = feature_group(
    "payments",
    "What a customer had paid before a day.",
    PAYMENTS,
    declared_in(globals()),
    max_age_months=2,
    prepare=prepare,
    joined=(CREDITS,),
    date="asked_on",
    look_back_days=90,
)
'''


def add(bank: Path) -> None:
    """Declare the source and its group in a copy of the bank."""
    for layer, text in (("bronze", _BRONZE), ("silver", _SILVER)):
        (bank / layer / "payments.py").write_text(text, encoding="utf-8")
    (bank / "gold/features_payments.py").write_text(_GROUP, encoding="utf-8")


def payments() -> list[tuple[str, str, datetime, int]]:
    """Payments of each customer around the day of the application, some of them on that day."""
    chance, made = random.Random(7), []
    for number in range(CUSTOMERS):
        applied = datetime(2024, number // 20 + 1, 1)
        for n in range(6):
            at = applied + timedelta(minutes=chance.randrange(-60 * 1440, 20 * 1440))
            made.append((f"P{number}-{n}", str(70_000 + number), at, chance.randrange(900)))
        made.append((f"P{number}-at", str(70_000 + number), applied, 999))
    return made


def write(data: Path, until: date = date.max) -> None:
    """A file of the payments up to a day."""
    rows = [
        f"{payment};{customer};{at:%d.%m.%Y %H:%M:%S};{amount}"
        for payment, customer, at, amount in payments()
        if at.date() <= until
    ]
    text = "\n".join(["payment;cust_no;paid_at;amount", *rows]) + "\n"
    (data / "payments.csv").write_text(text, encoding="utf-8")

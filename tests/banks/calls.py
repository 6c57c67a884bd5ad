"""An optional source for a copy of the corner bank: calls of customers, with a group of its own."""

from __future__ import annotations

from pathlib import Path

_BRONZE = '''"""One row: a delivered row about calls of a customer, as text."""

from lakehouse.bronze.raw import bronze_table
from lakehouse.table import Field, Source

TABLE = bronze_table(
    Source(
        name="calls",
        file_names=("calls.csv",),
        columns=(
            Field("cust_no", "STRING", "The customer."),
            Field("calls", "STRING", "Calls of the month."),
            Field("seen_on", "STRING", "The day on which this is known."),
        ),
        keys=("cust_no", "seen_on"),
        entity="cust_no",
        date="seen_on",
        required=(("cust_no", "identifier"), ("seen_on", "date")),
        optional=True,
    ),
    "A delivered row about calls of a customer.",
)
'''
_SILVER = '''"""One row: calls of a customer."""

from lakehouse.silver.cleaning import number, silver_table

from ..bronze.calls import TABLE as BRONZE

TABLE = silver_table(
    BRONZE, "Calls of a customer.", [number("calls", 0, 1000, "Calls.", whole=True)]
)
'''


def add(bank: Path) -> None:
    """Declare the source and its group in a copy of the bank."""
    (bank / "bronze/calls.py").write_text(_BRONZE, encoding="utf-8")
    (bank / "silver/calls.py").write_text(_SILVER, encoding="utf-8")
    people = (bank / "gold/features_people.py").read_text(encoding="utf-8")
    begin, end = people.index('@feature("STRING")'), people.index("FEATURES =")
    calls = (people[:begin] + people[end:]).replace("people", "calls").replace("PEOPLE", "CALLS")
    (bank / "gold/features_calls.py").write_text(
        calls.replace("turnover", "calls").replace("Turnover", "Calls"), encoding="utf-8"
    )


def write(data: Path) -> None:
    """A file of it, with a row of each customer."""
    days = [(70_000 + n, f"2024-{n // 20 + 1:02}-01") for n in range(160)]
    rows = [f"{cust_no},{cust_no % 7},{day}" for cust_no, day in days]
    (data / "calls.csv").write_text("\n".join(["cust_no,calls,seen_on", *rows]) + "\n")

"""Records of loans for tests of the tables about the portfolio."""

from __future__ import annotations

from datetime import date
from typing import Any

from pyspark.sql import SparkSession

from lakehouse.engines.embedded import session
from lakehouse.months import shift
from lakehouse.table import Table

DDL = (
    "customer_id STRING, loan_id STRING, loan_start_date DATE, snapshot_date DATE, mob INT, dpd INT,"
    " balance DOUBLE, month STRING"
)


def record(
    loan: str,
    mob: int | None,
    dpd: int | None,
    start: str = "2023-01-01",
    day: str | None = None,
    balance: float | None = 100.0,
) -> tuple[Any, ...]:
    """A record of a loan; without a day it is of the month in which the loan is due there."""
    seen = day or f"{shift(start[:7], mob or 0)}-01"
    began, on = date.fromisoformat(start), date.fromisoformat(seen)
    return (f"C_{loan}", loan, began, on, mob, dpd, balance, seen[:7])


def life(loan: str, *dpds: int | None, start: str = "2023-01-01") -> list[tuple[Any, ...]]:
    """A loan that has these days past due from month on book 0 on, a month each."""
    return [record(loan, mob, dpd, start) for mob, dpd in enumerate(dpds)]


def computed(
    table: Table,
    records: list[tuple[Any, ...]],
    months: list[str] | None = None,
    spark: SparkSession | None = None,
) -> list[dict[str, Any]]:
    """The rows of a table that is computed from these records, by key."""
    assert table.transform is not None
    loans = (spark or session()).createDataFrame(records, DDL)
    rows = [row.asDict() for row in table.transform(loans, months).collect()]
    return sorted(rows, key=lambda row: [row[key] for key in table.keys])


def month_by_month(table: Table, records: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """The rows after a run for each month: only what that month reaches is computed, from what it needs."""
    held: dict[str, list[dict[str, Any]]] = {}
    there = sorted({row[-1] for row in records})
    for last in there:
        known = [row for row in records if row[-1] <= last]
        for month in sorted(table.reached([last], table.possible(row[-1] for row in known))):
            needed_months = table.needed([month], _largest(table, known))
            needed = [row for row in known if row[-1] in needed_months]
            held[month] = computed(table, needed, [month])
    rows = [row for month in held.values() for row in month]
    return sorted(rows, key=lambda row: [row[key] for key in table.keys])


def _largest(table: Table, known: list[tuple[Any, ...]]) -> int | None:
    """The largest month on book, where it bounds how far a table looks back."""
    if table.look_back_column != "mob":
        return None
    return max((row[4] for row in known if row[4] is not None), default=None)

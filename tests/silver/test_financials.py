"""Finances typed: what is a kind of loan however it is spelt, and which incomes contradict their row."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from lakehouse.engines.embedded import session
from lakehouse.silver.financials import TABLE

DAY = date(2023, 5, 1)


def typed(**cells: str) -> dict[str, Any]:
    """The silver row of a raw row with these cells."""
    assert TABLE.transform is not None
    (bronze,) = TABLE.upstreams
    given = {"Customer_ID": "C", "snapshot_date": DAY, "month": "2023-05", **cells}
    ddl = ", ".join(f"{field.name} {field.type}" for field in bronze.fields)
    values = [tuple(given.get(field.name) for field in bronze.fields)]
    (row,) = TABLE.transform(session().createDataFrame(values, ddl)).collect()
    return dict(row.asDict())


@pytest.mark.parametrize(
    "written",
    [
        "Auto Loan, and Payday Loan",
        "Auto Loan and Payday Loan",
        "auto loan, and payday loan",
        "Auto Loan , and Payday Loan",
        "Auto Loan; Payday Loan",
        "Auto  Loan, and Payday Loan",
        "Auto Loan,and Payday Loan",
        "Auto Loan, And Payday Loan",
        "Auto Loan\n, and Payday Loan",
        ", and Auto Loan, Payday Loan",
        "and Auto Loan, Payday Loan",
    ],
)
def test_a_kind_of_loan_is_known_however_it_is_spelt(written: str) -> None:
    row = typed(Type_of_Loan=written)
    assert (row["type_of_loan"], row["_issues"]) == (["Auto Loan", "Payday Loan"], [])


def test_an_unknown_kind_of_loan_is_null_with_a_reason() -> None:
    row = typed(Type_of_Loan="Auto Loan, and Gold Loan")
    assert row["type_of_loan"] == ["Auto Loan", None]
    assert row["_issues"] == ["type_of_loan: a kind that is not known"]


def test_an_interest_rate_may_have_decimals() -> None:
    row = typed(Interest_Rate="7.25")
    assert (row["interest_rate"], row["_issues"]) == (7.25, [])


@pytest.mark.parametrize(
    ("income", "reason"),
    [
        ("49.719", "under 2 monthly salaries"),
        ("8000", "under 2 monthly salaries"),
        ("8400", None),
        ("100000", None),
        ("101000", "over 24 monthly salaries"),
    ],
)
def test_an_income_that_the_salary_contradicts_is_null_with_a_reason(
    income: str, reason: str | None
) -> None:
    row = typed(Annual_Income=income, Monthly_Inhand_Salary="4179.2125")
    assert row["annual_income"] == (None if reason else float(income))
    assert row["_issues"] == ([f"annual_income: {reason}"] if reason else [])

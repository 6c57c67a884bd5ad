"""mob, installments_missed, first_missed_date and dpd, by their definitions."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from lakehouse.engines.embedded import session
from lakehouse.silver.loan_daily import TABLE

CASES = [
    # snapshot_date, installment_num, due, overdue -> missed, first missed, dpd
    ("nothing is overdue", "2023-07-01", 6, "1000", "0", 0, None, 0),
    ("one is missed", "2023-07-01", 6, "1000", "1000", 1, "2023-06-01", 30),
    ("one is missed in part", "2023-07-01", 6, "1000", "0.01", 1, "2023-06-01", 30),
    ("one and a part", "2023-07-01", 6, "1000", "1000.01", 2, "2023-05-01", 61),
    ("two are missed", "2023-07-01", 6, "1000", "2000", 2, "2023-05-01", 61),
    ("all are missed", "2023-11-01", 10, "1000", "10000", 10, "2023-01-01", 304),
    ("over February", "2023-03-01", 2, "1000", "1000", 1, "2023-02-01", 28),
    ("over a leap February", "2024-03-01", 2, "1000", "1000", 1, "2024-02-01", 29),
    ("over the year's end", "2024-01-01", 6, "1000", "3000", 3, "2023-10-01", 92),
    ("from the 31st", "2023-03-31", 2, "1000", "1000", 1, "2023-02-28", 31),
    ("from the 31st, leap", "2024-03-31", 2, "1000", "1000", 1, "2024-02-29", 31),
    ("from the 31st to a 30th", "2023-07-31", 2, "1000", "1000", 1, "2023-06-30", 31),
    ("from the end of February", "2023-02-28", 2, "1000", "1000", 1, "2023-01-28", 31),
    ("from a leap day by a year", "2024-02-29", 2, "10", "120", 12, "2023-02-28", 366),
    ("in cents three, in doubles more", "2023-07-01", 6, "145.45", "436.35", 3, "2023-04-01", 91),
    ("first day of the loan", "2023-01-01", 0, "0.0", "0.0", 0, None, 0),
    ("overpaid", "2023-07-01", 6, "1000", "-600", 0, None, 0),
    ("overpaid with nothing due", "2023-07-01", 6, "0", "-0.5", 0, None, 0),
    ("two of twelve unrounded", "2023-03-01", 2, "833.33333333", "1666.66666667", 2, "2023-01-01", 59),
    ("two of twelve in thousandths", "2023-03-01", 2, "833.333", "1666.667", 2, "2023-01-01", 59),
    ("three of seven unrounded", "2023-07-01", 6, "1428.57142857", "4285.71428572", 3, "2023-04-01", 91),
    ("a hundredth of a percent over two", "2023-07-01", 6, "1000", "2000.2", 3, "2023-04-01", 91),
    ("in rupiah", "2023-07-01", 6, "1e9", "3e9", 3, "2023-04-01", 91),
]  # fmt: skip


def typed(rows: list[dict[str, str | None]]) -> dict[str, dict[str, Any]]:
    assert TABLE.transform is not None
    (bronze,) = TABLE.upstreams
    names = [name for name in bronze.columns if name not in ("snapshot_date", "month")]
    ddl = ", ".join(f"{name} STRING" for name in names) + ", snapshot_date DATE, month STRING"
    values = []
    for row in rows:
        day = str(row["snapshot_date"])
        values.append((*(row.get(name) for name in names), date.fromisoformat(day), day[:7]))
    found = TABLE.transform(session().createDataFrame(values, ddl)).collect()
    assert len(found) == len(rows)
    return {row["loan_id"]: row.asDict() for row in found}


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, Any]]:
    return typed(
        [
            {
                "loan_id": name,
                "Customer_ID": "C",
                "loan_start_date": "1/1/2023",
                "installment_num": str(mob),
                "due_amt": due,
                "overdue_amt": overdue,
                "snapshot_date": day,
            }
            for name, day, mob, due, overdue, *_ in CASES
        ]
    )


@pytest.mark.parametrize(
    ("name", "mob", "missed", "first_missed", "dpd"),
    [(name, mob, missed, first, dpd) for name, _, mob, _, _, missed, first, dpd in CASES],
    ids=[case[0] for case in CASES],
)
def test_days_past_due_count_from_the_first_missed_installment(
    rows: dict[str, dict[str, Any]],
    name: str,
    mob: int,
    missed: int,
    first_missed: str | None,
    dpd: int,
) -> None:
    row = rows[name]
    assert row["mob"] == mob
    assert row["installments_missed"] == missed
    assert row["first_missed_date"] == (date.fromisoformat(first_missed) if first_missed else None)
    assert row["dpd"] == dpd
    assert row["loan_start_date"] == date(2023, 1, 1) and row["_issues"] == []


@pytest.mark.parametrize(
    ("due", "overdue", "issue"),
    [
        ("-1", "1000", "due_amt: outside 0 to 1e+15"),
        ("1000", "-1e16", "overdue_amt: outside -1e+15 to 1e+15"),
        ("1e16", "1000", "due_amt: outside 0 to 1e+15"),
        ("0", "5000", "overdue_amt: nothing is due"),
        ("0.0", "9999.99", "overdue_amt: nothing is due"),
    ],
)
def test_without_an_honest_amount_nothing_is_known_of_dpd(
    due: str, overdue: str, issue: str
) -> None:
    row = {"loan_id": "L", "snapshot_date": "2023-07-01", "due_amt": due, "overdue_amt": overdue}
    found = typed([{**row, "installment_num": "6"}])["L"]
    assert found["_issues"] == [issue]
    assert (found["dpd"], found["installments_missed"], found["first_missed_date"]) == (None,) * 3
    assert found["mob"] == 6


@pytest.mark.parametrize(
    ("due", "overdue"),
    [("1", "50000"), ("1", "999999999"), ("0.01", "999999999")],
)
def test_missed_installments_beyond_any_loan_are_impossible(due: str, overdue: str) -> None:
    row = {"loan_id": "L", "snapshot_date": "2023-07-01", "due_amt": due, "overdue_amt": overdue}
    found = typed([{**row, "installment_num": "6"}])["L"]
    assert found["dpd"] is None and found["_issues"] != []


@pytest.mark.parametrize(
    ("tenure", "due", "overdue", "dpd"),
    [
        ("6", "1000", "6050", 212),
        ("3", "3333.33", "9999.99", 91),
        ("3", "3333.33", "10000", 91),
        ("3", "3333.33", "10000.5", 122),
    ],
)
def test_an_overdue_amount_above_everything_due_keeps_its_dpd_with_a_reason(
    tenure: str, due: str, overdue: str, dpd: int
) -> None:
    row = {"loan_id": "L", "snapshot_date": "2023-07-01", "due_amt": due, "overdue_amt": overdue}
    loan = typed([{**row, "installment_num": tenure, "tenure": tenure}])["L"]
    assert loan["dpd"] == dpd and loan["overdue_amt"] == float(overdue)
    is_above = float(overdue) > float(tenure) * float(due) + 0.02
    assert loan["_issues"] == ["overdue_amt: over all installments of the loan"] * is_above


@pytest.mark.parametrize(
    ("due", "paid", "overdue", "reason"),
    [
        ("1000", "0", "-3000", "overdue_amt: far below what is not paid of this installment"),
        ("1000", "0", "3", "overdue_amt: far below what is not paid of this installment"),
        ("100000", "0", "100000", "due_amt: all installments are far from the amount lent"),
        ("1.000", "0", "1.000", "due_amt: all installments are far from the amount lent"),
        ("1000", "0", "1000", None),
        ("1000", "600", "400", None),
        ("1000", "0", "0", None),
        ("1000", "1000", "3000", None),
        ("1000", "1600", "-600", None),
        ("833.333", "0", "1666.667", None),
        ("1900", "0", "1900", None),
    ],
)
def test_amounts_of_another_sign_or_unit_keep_their_values_with_a_reason(
    due: str, paid: str, overdue: str, reason: str | None
) -> None:
    row = {"loan_id": "L", "snapshot_date": "2023-07-01", "installment_num": "6", "tenure": "10"}
    amounts = {"loan_amt": "10000", "due_amt": due, "paid_amt": paid, "overdue_amt": overdue}
    loan = typed([{**row, **amounts}])["L"]
    assert loan["_issues"] == ([reason] if reason else [])
    assert (loan["due_amt"], loan["overdue_amt"]) == (float(due), float(overdue))
    assert loan["dpd"] is not None


@pytest.mark.parametrize(("loan_amt", "is_told"), [("0", True), ("", False)])
def test_installments_of_a_loan_of_nothing_are_told_and_of_an_unknown_amount_are_not(
    loan_amt: str, is_told: bool
) -> None:
    row = {"loan_id": "L", "snapshot_date": "2023-07-01", "installment_num": "6", "tenure": "10"}
    loan = typed([{**row, "loan_amt": loan_amt, "due_amt": "5", "overdue_amt": "0"}])["L"]
    assert bool(loan["_issues"]) == is_told

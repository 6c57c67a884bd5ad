"""Roll rates count the moves of loans between buckets from one month to the next."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.gold.arrears import BUCKETS
from lakehouse.gold.roll_rates import TABLE
from tests.gold.loans import computed, life, month_by_month, record


def moves(*records: tuple[Any, ...]) -> dict[tuple[str, str, str], tuple[int, float | None]]:
    """For each month and pair of buckets: loans and balance."""
    return {
        (row["month"], row["bucket_from"], row["bucket_to"]): (row["loans"], row["balance"])
        for row in computed(TABLE, [*records])
    }


def test_the_moves_of_a_month_counted_by_hand() -> None:
    records = [*life("GOOD", 0, 0, 0), *life("CURED", 0, 31, 0), *life("LOST", 0, 31, 61)]

    assert moves(*records) == {
        ("2023-02", "0", "0"): (1, 100.0),
        ("2023-02", "0", "30-59"): (2, 200.0),
        ("2023-03", "0", "0"): (1, 100.0),
        ("2023-03", "30-59", "0"): (1, 100.0),
        ("2023-03", "30-59", "60-89"): (1, 100.0),
    }


@pytest.mark.parametrize(
    ("dpd", "bucket"),
    [(0, "0"), (1, "1-29"), (29, "1-29"), (30, "30-59"), (59, "30-59"), (60, "60-89"), (89, "60-89"),
     (90, "90+"), (5000, "90+")],
)  # fmt: skip
def test_each_bucket_begins_and_ends_where_its_name_says(dpd: int, bucket: str) -> None:
    assert moves(*life("L", 0, dpd)) == {("2023-02", "0", bucket): (1, 100.0)}
    assert bucket in BUCKETS


def test_a_loan_makes_no_move_without_its_record_of_the_month_before() -> None:
    gap = [row for row in life("GAP", 0, 0, 31, 31) if row[4] != 1]

    assert moves(*gap) == {("2023-04", "30-59", "30-59"): (1, 100.0)}


def test_a_loan_makes_no_move_from_or_to_an_unknown_dpd() -> None:
    assert moves(*life("L", 0, None, 31)) == {}


def test_a_loan_that_is_recorded_each_day_moves_once_where_its_month_on_book_begins() -> None:
    days = [
        ("2023-01-20", 0, 0),
        ("2023-02-10", 0, 0),
        ("2023-02-15", 1, 31),
        ("2023-03-10", 1, 62),
    ]
    daily = [record("L", mob, dpd, "2023-01-15", day) for day, mob, dpd in days]

    assert moves(*daily) == {("2023-02", "0", "30-59"): (1, 100.0)}


def test_the_balance_is_that_of_now_summed_in_cents() -> None:
    amounts = [("A", 0.1), ("B", 0.2), ("C", 833.333), ("D", None)]
    records = [
        row
        for loan, balance in amounts
        for row in (record(loan, 0, 0, balance=7.0), record(loan, 1, 0, balance=balance))
    ]

    assert moves(*records) == {("2023-02", "0", "0"): (4, 833.63)}


DPDS = st.lists(st.sampled_from([None, -1, 0, 10, 30, 60, 100]), min_size=1, max_size=5)


@settings(max_examples=10)
@given(st.lists(DPDS, min_size=1, max_size=5))
def test_each_pair_of_known_records_is_one_move_and_months_can_be_taken_one_at_a_time(
    drawn: list[list[int | None]],
) -> None:
    records = [row for n, dpds in enumerate(drawn) for row in life(f"L{n}", *dpds) if row[5] != -1]
    if not records:
        return
    rows = computed(TABLE, records)

    pairs = sum(
        one not in (None, -1) and after not in (None, -1)
        for dpds in drawn
        for one, after in pairwise(dpds)
    )
    assert sum(row["loans"] for row in rows) == pairs
    assert month_by_month(TABLE, records) == rows

"""Vintages count what a person counts: loans at a month on book, the bad ones, and those ever bad."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.gold.vintages import TABLE
from tests.gold.loans import computed, life, month_by_month, record


def cells(
    records: list[tuple[Any, ...]], bound: int = 30
) -> dict[tuple[str, int], tuple[Any, ...]]:
    """For each cohort and month on book: loans, bad, bad ever, mature."""
    names = ("loans", "bad", "bad_ever", "mature")
    return {
        (row["cohort"], row["mob"]): tuple(row[name] for name in names)
        for row in computed(TABLE, records)
        if row["dpd_bound"] == bound
    }


def test_a_cohort_counted_by_hand() -> None:
    records = [
        *life("GOOD", 0, 0, 0, 0),
        *life("CURED", 0, 31, 0, 0),
        *life("LOST", 0, 31, 61, 91),
        *life("LATE", 0, 0, 29, 30),
        *life("NEXT", 0, 31, start="2023-02-01"),
    ]

    assert cells(records) == {
        ("2023-01", 0): (4, 0, 0, True),
        ("2023-01", 1): (4, 2, 2, True),
        ("2023-01", 2): (4, 1, 2, True),
        ("2023-01", 3): (4, 2, 3, True),
        ("2023-02", 0): (1, 0, 0, True),
        ("2023-02", 1): (1, 1, 1, True),
    }
    assert cells(records, 60)["2023-01", 2] == (4, 1, 1, True)
    assert cells(records, 90)["2023-01", 3] == (4, 1, 1, True)


def test_a_loan_that_is_no_longer_reported_stays_bad_ever_and_its_cohort_is_not_mature() -> None:
    found = cells([*life("GOOD", 0, 0, 0), *life("GONE", 0, 31)])

    assert found["2023-01", 2] == (1, 0, 1, False)


def test_a_missing_month_makes_its_cell_immature_and_no_other() -> None:
    gap = [row for row in life("GAP", 0, 0, 0) if row[4] != 1]
    found = cells([*life("GOOD", 0, 0, 0), *gap])

    assert [found["2023-01", mob][-1] for mob in range(3)] == [True, False, True]


def test_an_unknown_dpd_is_a_loan_that_is_not_bad_and_is_counted_apart() -> None:
    rows = computed(TABLE, [*life("GOOD", 0, 0), *life("UNKNOWN", 0, None)])

    (row,) = (row for row in rows if (row["mob"], row["dpd_bound"]) == (1, 30))
    assert (row["loans"], row["unknown"], row["bad"], row["mature"]) == (2, 1, 0, True)


def test_of_several_records_at_a_month_on_book_the_first_with_a_known_dpd_counts() -> None:
    daily = [
        record("L", 0, 0),
        record("L", 1, None, day="2023-02-01"),
        record("L", 1, 31, day="2023-02-05"),
        record("L", 1, 0, day="2023-02-20"),
    ]

    assert cells(daily)["2023-01", 1] == (1, 1, 1, True)


def test_loans_of_the_15th_that_are_recorded_on_each_1st_count_with_their_cohort() -> None:
    first = life("FIRST", 0, 0)
    middle = [
        record("MIDDLE", 0, 0, "2023-01-15", "2023-02-01"),
        record("MIDDLE", 1, 31, "2023-01-15", "2023-03-01"),
    ]

    assert cells([*first, *middle])["2023-01", 1] == (2, 1, 1, True)
    # One month earlier the loan of the 15th is not there yet.
    assert cells([*first, *middle[:1]])["2023-01", 1] == (1, 0, 0, False)


def test_a_record_that_stays_behind_by_two_months_is_left_out() -> None:
    assert cells([record("L", 0, 31, day="2023-03-01")]) == {}


def test_without_month_on_book_a_record_is_left_out() -> None:
    assert cells([record("L", None, 31), record("L", 0, 0)]) == {("2023-01", 0): (1, 0, 0, True)}


DPD = st.sampled_from([None, 0, 10, 30, 60, 100])
LIFE = st.tuples(
    st.integers(0, 3),
    st.integers(0, 1),
    st.lists(st.one_of(DPD, st.just(-1)), min_size=1, max_size=5),
)


def lives(drawn: list[tuple[int, int, list[int | None]]]) -> list[tuple[Any, ...]]:
    """The records of loans: month of start, months by which records come late, dpd (-1 if there is none)."""
    return [
        record(f"L{n}", mob, dpd, f"2023-0{start + 1}-01", f"2023-{start + mob + late + 1:02d}-01")
        for n, (start, late, dpds) in enumerate(drawn)
        for mob, dpd in enumerate(dpds)
        if dpd != -1
    ]


@settings(max_examples=12)
@given(st.lists(LIFE, min_size=1, max_size=6))
def test_whatever_the_loans_do_the_numbers_keep_their_laws(drawn: Any) -> None:
    records = lives(drawn)
    if not records:
        return
    rows = computed(TABLE, records)

    assert len({tuple(row[key] for key in TABLE.keys) for row in rows}) == len(rows)
    for row in rows:
        assert row["bad"] + row["unknown"] <= row["loans"]
        assert row["bad"] <= row["bad_ever"]
        in_cohort = {r[1] for r in records if r[2].isoformat()[:7] == row["cohort"]}
        assert row["bad_ever"] <= len(in_cohort) >= row["loans"]
    by_curve = sorted(rows, key=lambda row: (row["cohort"], row["dpd_bound"], row["mob"]))
    for one, after in pairwise(by_curve):
        if (one["cohort"], one["dpd_bound"]) == (after["cohort"], after["dpd_bound"]):
            assert one["bad_ever"] <= after["bad_ever"]


@settings(max_examples=6)
@given(st.lists(LIFE, min_size=1, max_size=4))
def test_month_by_month_gives_the_same_cells_as_all_at_once(drawn: Any) -> None:
    records = lives(drawn)
    if records:
        last = max(row[-1] for row in records)
        at_once = [row for row in computed(TABLE, records) if row["month"] <= last]
        assert month_by_month(TABLE, records) == at_once


def test_a_loan_that_was_bad_only_at_the_begin_of_the_longest_look_back_stays_bad_ever() -> None:
    records = [*life("CURED", 31, 0, 0, 0), *life("GONE", 31), *life("NEXT", 0, start="2023-03-01")]
    found = month_by_month(TABLE, records)

    assert found == computed(TABLE, records)
    (cell,) = (row for row in found if (row["mob"], row["dpd_bound"]) == (3, 30))
    assert (cell["loans"], cell["bad"], cell["bad_ever"], cell["mature"]) == (1, 0, 2, False)

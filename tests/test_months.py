"""Calendar arithmetic on months."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.errors import BadInput
from lakehouse.months import MonthRange, in_groups, is_month, shift, spell, widen

MONTHS = st.dates(date(1970, 1, 1), date(2199, 12, 31)).map(lambda day: day.isoformat()[:7])
STEPS = st.integers(-500, 500)
ENDS = st.none() | MONTHS
RANGES = st.builds(MonthRange, ENDS, ENDS)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("2023-01", True),
        ("2023-12", True),
        ("2023-13", False),
        ("2023-00", False),
        ("2023-1", False),
        ("23-01", False),
        ("2023-01-01", False),
        ("2023-01\n", False),
        (" 2023-01", False),
        ("", False),
        ("٢٠٢٣-01", False),
    ],
)
def test_a_month_is_written_yyyy_mm(text: str, valid: bool) -> None:
    assert is_month(text) is valid


@pytest.mark.parametrize(
    ("month", "by", "expected"),
    [
        ("2023-05", 0, "2023-05"),
        ("2023-12", 1, "2024-01"),
        ("2024-01", -1, "2023-12"),
        ("2023-01", 24, "2025-01"),
        ("2023-01", -13, "2021-12"),
    ],
)
def test_shift_crosses_years(month: str, by: int, expected: str) -> None:
    assert shift(month, by) == expected


@given(MONTHS, STEPS, STEPS)
def test_two_shifts_are_one_of_their_sum(month: str, first: int, second: int) -> None:
    assert shift(shift(month, first), second) == shift(month, first + second)


@given(MONTHS, st.integers(1, 500))
def test_a_later_month_is_a_month_and_sorts_later(month: str, by: int) -> None:
    assert is_month(shift(month, by)) and shift(month, by) > month


@given(st.sets(MONTHS, max_size=5), st.integers(0, 6), st.integers(0, 6))
def test_widening_adds_just_the_months_around(months: set[str], before: int, after: int) -> None:
    wide = widen(months, before, after)
    assert months <= wide
    for each in wide:
        assert any(shift(month, -before) <= each <= shift(month, after) for month in months)
    assert all({shift(m, -before), shift(m, after)} <= wide for m in months)


@given(st.lists(MONTHS, max_size=20), st.integers(1, 7))
def test_groups_hold_every_month_once_in_order(months: list[str], size: int) -> None:
    groups = [group for group, _ in in_groups(months, size)]
    assert [month for group in groups for month in group] == sorted(months)
    assert all(1 <= len(group) <= size for group in groups)
    assert all(len(group) == size for group in groups[:-1])


@given(st.lists(MONTHS, max_size=20), st.integers(1, 7))
def test_a_group_and_all_before_and_after_it_are_all_months(months: list[str], size: int) -> None:
    done: tuple[str, ...] = ()
    for group, later in in_groups(months, size):
        done += group
        assert [*done, *later] == sorted(months)


@pytest.mark.parametrize(
    ("months", "words"),
    [
        ([], "no month"),
        (["2023-05"], "2023-05"),
        (["2023-06", "2023-05", "2023-05"], "2023-05 to 2023-06"),
        (["2023-11", "2023-12", "2024-01", "2024-03"], "2023-11 to 2024-01, 2024-03"),
    ],
)
def test_months_are_told_in_few_words(months: list[str], words: str) -> None:
    assert spell(months) == words


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ((None, None), "any month"),
        ((None, "2023-05"), "up to 2023-05"),
        (("2023-05", None), "from 2023-05 on"),
        (("2023-05", "2023-05"), "2023-05"),
        (("2023-05", "2023-06"), "2023-05 to 2023-06"),
    ],
)
def test_a_range_is_told_in_few_words(ends: tuple[str | None, str | None], words: str) -> None:
    assert MonthRange(*ends).spell() == words


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        (("2023-13", None), "'2023-13' is not a month; write it as 2023-05"),
        ((None, "May"), "'May' is not a month; write it as 2023-05"),
        (("2023-06", "2023-05"), "no month is from 2023-06 to 2023-05; give the earlier one first"),
    ],
)
def test_a_range_that_is_none_is_refused(ends: tuple[str | None, str | None], message: str) -> None:
    with pytest.raises(BadInput) as refused:
        MonthRange.checked(*ends)
    assert str(refused.value) == message


def test_a_range_has_both_its_ends() -> None:
    months = MonthRange("2023-02", "2023-04")
    held = [f"2023-{i:02d}" for i in range(1, 6) if months.has(f"2023-{i:02d}")]
    assert held == ["2023-02", "2023-03", "2023-04"]
    assert MonthRange().has("1970-01") and MonthRange(None, "2023-04").has("1970-01")
    assert MonthRange("2023-02", None).has("2199-12") and not MonthRange("2023-02", None).has(
        "2023-01"
    )


@given(RANGES, RANGES, MONTHS)
def test_a_range_that_covers_another_has_every_month_of_it(
    wide: MonthRange, narrow: MonthRange, month: str
) -> None:
    if wide.covers(narrow) and narrow.has(month):
        assert wide.has(month)


@given(RANGES)
def test_a_range_covers_itself_and_the_open_one_covers_all(months: MonthRange) -> None:
    assert months.covers(months) and MonthRange().covers(months)
    assert MonthRange() == months or not months.covers(MonthRange())

"""How many cells may become NULL beside the months before: dirt as ever may, a change of form may not."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.run.null_limits import Excess, Nulls, excess_by_itself, excess_over_before


def nulls(cells: int, filled: int) -> Nulls:
    return Nulls(filled, Counter({"not a number": cells}) if cells else Counter())


def months(*counts: tuple[int, int], first: int = 1) -> dict[str, Nulls]:
    return {f"2023-{n:02d}": nulls(*each) for n, each in enumerate(counts, start=first)}


def over(delivered: dict[str, Nulls], held: dict[str, Nulls] | None = None) -> Excess | None:
    return excess_over_before("fe_1", delivered, held or {})


TEN_CLEAN = [(1, 1000)] * 10


def test_a_month_far_above_the_months_before_is_too_much_though_it_is_under_a_fifth() -> None:
    held, delivered = months(*TEN_CLEAN), months((150, 1000), first=11)
    assert excess_by_itself("fe_1", delivered, 0.2) is None
    found = over(delivered, held)
    assert found and found.months == ["2023-11"] and found.before
    assert (found.now.cells, found.before.cells, found.before.filled) == (150, 10, 10_000)


def test_a_first_delivery_is_judged_by_its_own_earlier_months() -> None:
    found = over(months(*TEN_CLEAN, (150, 1000), (150, 1000)))
    assert found and found.months == ["2023-11"]


def test_small_months_are_too_much_together() -> None:
    delivered = months((4, 60), (4, 60), (4, 60), first=9)
    found = over(delivered, months(*[(0, 1000)] * 8))
    assert found and found.months == [*delivered]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ((0, 100_000), (1, 3000)),
        ((0, 100_000), (30, 3000)),
        ((10, 1000), (30, 1000)),
        ((0, 60), (9, 60)),
        ((2, 60), (7, 60)),
        ((0, 0), (9, 60)),
    ],
    ids=["one cell", "one percent", "three times", "few before", "chance", "none before"],
)
def test_so_many_cells_are_dirt(before: tuple[int, int], now: tuple[int, int]) -> None:
    assert over(months(now, first=2), months(before)) is None


def test_a_share_that_was_accepted_is_not_new() -> None:
    """Neither when the same months are read again, nor in the next month."""
    delivered = months(*TEN_CLEAN, (150, 1000))
    assert over(delivered, held=delivered) is None
    assert over(months((160, 1000), first=12), held=delivered) is None
    assert over(months((150, 1000), first=11), held=months(*TEN_CLEAN, (20, 1000)))


@given(
    before=st.lists(st.integers(0, 50), min_size=1, max_size=9),
    now=st.integers(0, 500),
    more=st.integers(0, 500),
)
def test_more_null_cells_are_never_better(before: list[int], now: int, more: int) -> None:
    held = months(*((cells, 500) for cells in before))
    found = [over(months((min(n, 500), 500), first=10), held) for n in (now, now + more)]
    assert found[1] or not found[0]


@given(cells=st.integers(0, 500), filled=st.integers(500, 5000))
def test_the_share_of_before_is_never_too_much(cells: int, filled: int) -> None:
    assert over(months(*[(cells, filled)] * 4)) is None
    assert over(months((cells, filled), first=2), months((cells, filled))) is None

"""Cohorts are put together only where all of them are mature."""

from __future__ import annotations

from lakehouse.portfolio.curves import Cell, together


def cohort(name: str, *bad_ever: int, loans: int = 100, immature: int | None = None) -> list[Cell]:
    """A cohort with these loans ever bad from month on book 0 on; one month on book may be immature."""
    return [
        Cell(name, mob, 30, loans, 0, bad, bad, mature=mob != immature)
        for mob, bad in enumerate(bad_ever)
    ]


THREE = [
    *cohort("2023-01", 0, 50, 60),
    *cohort("2023-02", 0, 40, 60),
    *cohort("2023-03", 0, 30, 40),
]


def test_the_curve_of_three_cohorts_counted_by_hand() -> None:
    found = together(THREE, 30)

    assert (found.horizon, found.loans, found.bad) == (2, 300, 160)
    assert [point.bad_ever.n for point in found.points] == [0, 120, 160]
    assert [point.reached.value for point in found.points] == [0.0, 0.75, 1.0]


def test_a_younger_cohort_does_not_enter_a_curve_that_goes_beyond_it() -> None:
    found = together([*THREE, *cohort("2023-04", 0, 99)], 30)

    assert (found.horizon, found.cohorts) == (2, ("2023-01", "2023-02", "2023-03"))


def test_after_its_first_immature_month_a_cohort_tells_nothing() -> None:
    found = together([*THREE, *cohort("2023-04", 0, 99, 99, immature=1)], 30)

    assert "2023-04" not in found.cohorts


def test_an_unknown_dpd_makes_a_cell_blank() -> None:
    assert not Cell("2023-01", 1, 30, 10, 1, 0, 0, mature=True).is_shown


def test_fewer_than_three_mature_cohorts_have_no_curve() -> None:
    found = together(cohort("2023-01", 0, 50, 60), 30)

    assert found.horizon is None and found.points == () and not found.is_enough


def test_a_curve_is_flat_from_the_first_month_that_has_the_share_and_unknown_with_few_bad_loans() -> (
    None
):
    flat = together(THREE, 30).flat_from(0.75)

    assert flat is not None and flat.mob == 1
    few = [*cohort("2023-01", 0, 5), *cohort("2023-02", 0, 5), *cohort("2023-03", 0, 5)]
    assert together(few, 30).flat_from(0.75) is None

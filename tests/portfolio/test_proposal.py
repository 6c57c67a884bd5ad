"""A definition is proposed only where the numbers tell it clearly, and the limits are told."""

from __future__ import annotations

from lakehouse.portfolio.curves import Together, together
from lakehouse.portfolio.proposal import Proposal, propose
from lakehouse.portfolio.rolls import Move, matrix
from tests.portfolio.test_curves import THREE, cohort

NO_CURVE = Together(30, None, (), 0, 0, ())


def proposed(*moves: tuple[str, str, int], curve: Together = NO_CURVE) -> Proposal:
    rolls = matrix([Move("2023-02", was, now, loans, 1.0) for was, now, loans in moves])
    others = [Together(bound, None, (), 0, 0, ()) for bound in (60, 90)]
    return propose(rolls, [curve, *others], 10)


def test_the_first_bucket_of_which_clearly_most_get_worse_is_the_bound() -> None:
    found = proposed(("30-59", "60-89", 70), ("30-59", "0", 30), curve=together(THREE, 30))

    assert (found.dpd_bound, found.mob) == (30, 2)
    assert found.headline == "A default is 30 or more days past due, seen by month on book 2."
    assert found.reasons[0].startswith("70.0% (95% interval ")


def test_a_share_whose_interval_has_a_half_in_it_is_no_bound() -> None:
    found = proposed(
        ("30-59", "60-89", 7), ("30-59", "0", 3), ("60-89", "90+", 95), ("60-89", "0", 5)
    )

    assert found.dpd_bound == 60


def test_where_no_bucket_tells_there_is_no_proposal_and_the_limit_says_so() -> None:
    found = proposed(("0", "0", 100), ("30-59", "0", 10))

    assert (found.dpd_bound, found.mob) == (None, None)
    assert found.headline == "No default definition can be proposed from these data."
    assert any("point of no return" in limit for limit in found.limits)
    assert any("1-29 or 60-89 or 90+" in limit for limit in found.limits)


def test_without_mature_cohorts_or_bad_loans_there_is_no_window() -> None:
    few = [*cohort("2023-01", 0, 5), *cohort("2023-02", 0, 5), *cohort("2023-03", 0, 5)]
    for curve, why in ((NO_CURVE, "cohorts are mature"), (together(few, 30), "loans are bad")):
        found = proposed(("30-59", "60-89", 70), curve=curve)

        assert (found.dpd_bound, found.mob) == (30, None)
        assert any(why in limit for limit in found.limits)


def test_of_the_last_bucket_those_that_stay_do_not_come_back() -> None:
    found = proposed(("90+", "90+", 99), ("90+", "0", 1))

    assert found.dpd_bound == 90
    assert "stay there" in found.reasons[0]

"""A jump of what a feature says of the label: planted leaks of one delivery, and clean twins of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lakehouse.audit.absence import absence_check
from lakehouse.audit.jump import jump_check
from tests.audit.planted import labelled_loans

LOANS = 2400


@pytest.fixture
def loans() -> pd.DataFrame:
    return labelled_loans(LOANS)


def month(loans: pd.DataFrame) -> pd.Series:
    return loans["application_date"].dt.strftime("%Y-%m")


def outcome(loans: pd.DataFrame) -> pd.Series:
    return loans["label"] + np.random.default_rng(6).normal(scale=0.5, size=len(loans))


def named(loans: pd.DataFrame) -> dict[str, str]:
    features = [name for name in loans if name.startswith("x")]
    return {each.subject: each.evidence for each in jump_check(loans, features).findings}


def test_features_that_say_the_same_in_every_month_pass(loans: pd.DataFrame) -> None:
    passed = jump_check(loans, ["x0", "x1", "x2"])

    assert passed.passed
    assert passed.looked_at.startswith(
        "3 features of 2,400 loans in 12 months; in a single month a"
    )


def test_a_feature_that_holds_the_outcome_in_one_delivery_is_named_with_its_month(
    loans: pd.DataFrame,
) -> None:
    leaking = loans.assign(x1=loans["x1"].mask(month(loans) == "2023-07", outcome(loans)))

    found = named(leaking)

    assert set(found) == {"x1"}
    assert "for applications of 2023-07, 0.4" in found["x1"]


def test_a_feature_that_holds_the_outcome_from_a_month_on_is_named_with_these_months(
    loans: pd.DataFrame,
) -> None:
    leaking = loans.assign(x2=loans["x2"].mask(month(loans) >= "2023-09", outcome(loans)))

    assert "for applications of 2023-09 to 2023-12, " in named(leaking)["x2"]


def test_an_absence_that_knows_the_outcome_in_one_delivery_is_found(loans: pd.DataFrame) -> None:
    hidden = (month(loans) == "2023-07") & (loans["label"] == 1)

    assert set(named(loans.assign(x1=loans["x1"].mask(hidden)))) == {"x1 is missing"}


def test_a_feature_that_is_new_or_of_another_scale_from_a_month_on_passes(
    loans: pd.DataFrame,
) -> None:
    begins = loans["x0"].where(month(loans) >= "2023-06")
    in_cents = loans["x0"].where(month(loans) < "2023-06", loans["x0"] * 100 + 1000)

    assert named(loans.assign(x1=begins, x2=in_cents)) == {}


def test_few_loans_prove_nothing_and_the_check_says_so() -> None:
    few = labelled_loans(60)
    leaking = few.assign(x1=few["x1"].mask(month(few) == "2023-07", few["label"]))

    checked = jump_check(leaking, ["x1"])

    assert checked.passed
    assert checked.looked_at.endswith("too few loans to tell a jump in a single month from noise")


@pytest.mark.slow
def test_chance_makes_a_finding_in_hardly_any_release() -> None:
    random = np.random.default_rng(8)
    names = [f"x{n}" for n in range(100)]
    clean = [labelled_loans(1200, 100, random) for _ in range(40)]

    assert sum(not jump_check(loans, names).passed for loans in clean) <= 1
    assert sum(not absence_check(with_gaps(loans, random), names).passed for loans in clean) <= 1


def with_gaps(loans: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    shares = random.random(100)
    gaps = {f"x{n}": loans[f"x{n}"].mask(random.random(len(loans)) < shares[n]) for n in range(100)}
    return loans.assign(**gaps)


# Absence


@pytest.mark.parametrize("outcome", [0, 1])
def test_a_feature_that_is_missing_for_one_outcome_only_is_found(
    loans: pd.DataFrame, outcome: int
) -> None:
    hidden = (loans["label"] == outcome) & (np.arange(LOANS) % 3 == 0)

    (found,) = absence_check(loans.assign(x1=loans["x1"].mask(hidden)), ["x0", "x1"]).findings

    assert found.subject == "x1 is missing"
    called = "defaulted" if outcome else "did not default"
    assert found.evidence.startswith(f"100.0% of these {hidden.sum():,} loans {called}, of all ")


def test_a_feature_that_is_known_for_one_outcome_only_is_found(loans: pd.DataFrame) -> None:
    known = (loans["label"] == 1) & (np.arange(LOANS) % 3 == 0)

    (found,) = absence_check(loans.assign(x1=loans["x1"].where(known)), ["x0", "x1"]).findings

    assert found.subject == "x1 is known"


def test_a_feature_that_is_missing_more_often_for_defaults_passes(loans: pd.DataFrame) -> None:
    often = np.random.default_rng(3).random(LOANS) < np.where(loans["label"] == 1, 0.4, 0.1)

    assert absence_check(loans.assign(x1=loans["x1"].mask(often)), ["x0", "x1"]).passed


def test_a_few_loans_with_one_outcome_prove_nothing(loans: pd.DataFrame) -> None:
    three = loans.index.isin(loans.index[loans["label"] == 1][:3])

    assert absence_check(loans.assign(x1=loans["x1"].mask(three)), ["x1"]).passed

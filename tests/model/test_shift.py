"""The shift of features from train to test, and for whom a group is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from lakehouse.model.coverage import Coverage, coverage
from lakehouse.model.features import features_of, prepared
from lakehouse.model.shift import Shift, expected_by_chance, psi, shifts
from lakehouse.model.split import Split, divide

TrainingSet = Callable[..., pd.DataFrame]


def test_psi_is_the_sum_over_bins_of_the_textbook() -> None:
    train = pd.Series([0.0] * 80 + [1.0] * 20)
    test = pd.Series([0.0] * 60 + [1.0] * 40)
    expected = (0.6 - 0.8) * np.log(0.6 / 0.8) + (0.4 - 0.2) * np.log(0.4 / 0.2)
    assert psi(train, test) == pytest.approx(expected)


def test_a_feature_that_stays_has_no_psi_and_one_that_moves_has() -> None:
    values = pd.Series(np.random.default_rng(0).normal(size=4000))
    assert psi(values, values) == 0
    assert psi(values[:2000], values[2000:]) < 0.02
    assert psi(values[:2000], values[2000:] + 1) > 0.25


def test_missing_is_a_bin_of_its_own() -> None:
    train = pd.Series(np.arange(100.0))
    assert psi(train, train.where(train >= 50)) > 0.25
    assert psi(train, train.where(train < 90)) > 0.25
    assert psi(train, train * np.nan) > 0.25


@pytest.mark.parametrize("usual", [0.0, 1.0])
def test_a_rare_value_beside_a_usual_one_is_seen_to_grow(usual: float) -> None:
    train = pd.Series([usual] * 95 + [1 - usual] * 5)
    test = pd.Series([usual] * 50 + [1 - usual] * 50)
    assert psi(train, test) > 0.25


def test_text_is_compared_by_value_and_new_text_counts_as_one() -> None:
    train = pd.Series(["a", "b"] * 50, dtype=object)
    assert psi(train, train) == 0
    assert psi(train, pd.Series(["c", "d"] * 50, dtype=object)) > 0.25


def test_chance_alone_gives_about_the_psi_that_is_told() -> None:
    random = np.random.default_rng(0)
    found = [psi(pd.Series(random.random(2000)), pd.Series(random.random(300))) for _ in range(60)]
    assert np.mean(found) == pytest.approx(expected_by_chance(2000, 300), rel=0.25)


def test_a_shift_is_marked_by_the_usual_marks() -> None:
    marks = [Shift("x", "g", psi, 0, 0).mark for psi in (0.09, 0.1, 0.24, 0.25)]
    assert marks == ["stable", "moderate", "moderate", "large"]


def test_a_group_that_ends_before_test_is_seen_in_shift_and_coverage(
    training_set: TrainingSet,
) -> None:
    frame = training_set()
    frame.loc[300:, ["risk", "financials_snapshot_date"]] = None
    loans = prepared(frame)
    parts = divide(loans, Split())
    groups = dict.fromkeys(features_of(loans).names, "financials")
    first = shifts(parts, features_of(loans), groups)[0]
    assert (first.name, first.mark, first.missing_in_test) == ("risk", "large", 1)
    assert coverage(parts) == (Coverage("attributes", 1, 1, 1), Coverage("financials", 1, 1, 0))

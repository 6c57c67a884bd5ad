"""Slope and intercept of the calibration: equal to other fits, and found again where they are planted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.linear_model import LogisticRegression

from lakehouse.model.metrics import Numbers, resampling
from lakehouse.model.recalibration import Recalibration, recalibrated


def log_odds(scores: Numbers) -> Numbers:
    return np.asarray(np.log(scores / (1 - scores)))


def loans(number: int, intercept: float, slope: float) -> tuple[Numbers, Numbers]:
    """Labels and scores, where the log-odds of default are intercept + slope x those of the score."""
    random = np.random.default_rng(3)
    scores = 1 / (1 + np.exp(-random.normal(-1, 1.2, number)))
    chance = 1 / (1 + np.exp(-(intercept + slope * log_odds(scores))))
    return (random.random(number) < chance).astype("float64"), scores


def fitted(labels: Numbers, scores: Numbers, draws: int = 50) -> Recalibration:
    return recalibrated(labels, scores, resampling(np.arange(len(labels)), draws, seed=0))


@pytest.mark.parametrize(("intercept", "slope"), [(0.0, 1.0), (0.4, 0.6), (-0.5, 1.7)])
def test_a_planted_distortion_is_found_again(intercept: float, slope: float) -> None:
    found = fitted(*loans(200_000, intercept, slope))
    assert found.intercept.value == pytest.approx(intercept, abs=0.03)
    assert found.slope.value == pytest.approx(slope, abs=0.03)
    assert found.slope.contains(1.0) == (slope == 1.0)
    assert (abs(found.in_the_large.value) < 0.03) == (intercept == 0.0)


def test_it_is_the_logistic_regression_without_penalty() -> None:
    labels, scores = loans(700, 0.3, 1.4)
    other = LogisticRegression(C=np.inf, tol=1e-10).fit(log_odds(scores)[:, None], labels)
    found = fitted(labels, scores)
    assert found.slope.value == pytest.approx(float(other.coef_[0][0]), abs=1e-5)
    assert found.intercept.value == pytest.approx(float(other.intercept_[0]), abs=1e-5)


def test_the_intercept_at_slope_1_makes_as_many_defaults_as_happened() -> None:
    labels, scores = loans(700, 0.3, 1.4)

    def too_many(intercept: float) -> float:
        return float((1 / (1 + np.exp(-(intercept + log_odds(scores)))) - labels).sum())

    expected = brentq(too_many, -3, 3, xtol=1e-12)
    assert fitted(labels, scores).in_the_large.value == pytest.approx(expected, abs=1e-9)


def test_the_interval_is_near_that_of_draws_that_are_fitted_again() -> None:
    labels, scores = loans(600, 0.2, 1.3)
    draws = resampling(np.arange(len(labels)), 300, seed=0)
    model = LogisticRegression(C=np.inf, tol=1e-8)
    odds = log_odds(scores)[:, None]
    again = [
        float(model.fit(odds, labels, sample_weight=weights).coef_[0][0])
        for block in draws.blocks()
        for weights in block
    ]
    low, high = np.quantile(again, [0.025, 0.975])
    found = recalibrated(labels, scores, draws).slope
    width = high - low
    assert found.low == pytest.approx(low, abs=0.12 * width)
    assert found.high == pytest.approx(high, abs=0.12 * width)


def test_loans_of_one_customer_are_drawn_together() -> None:
    labels, scores = loans(500, 0.0, 1.0)
    twice = np.concatenate([labels, labels]), np.concatenate([scores, scores])
    same = resampling(np.tile(np.arange(500), 2), 200, seed=0)
    single = recalibrated(labels, scores, resampling(np.arange(500), 200, seed=0))
    double = recalibrated(*twice, same)
    assert double.slope.low == pytest.approx(single.slope.low)
    assert double.slope.high == pytest.approx(single.slope.high)


def test_scores_that_are_all_equal_have_no_slope_and_an_intercept() -> None:
    labels, _ = loans(500, 0.0, 1.0)
    found = fitted(labels, np.full(500, labels.mean()))
    assert np.isnan(found.slope.value) and np.isnan(found.intercept.value)
    assert found.in_the_large.value == pytest.approx(0.0, abs=1e-9)


def test_scores_that_part_the_outcomes_have_no_slope() -> None:
    labels = np.repeat([0.0, 1.0], 50)
    assert np.isnan(fitted(labels, np.linspace(0.01, 0.99, 100)).slope.value)


def test_scores_of_0_and_1_are_taken() -> None:
    labels, scores = loans(500, 0.0, 1.0)
    scores[:2], labels[:2] = [0.0, 1.0], [0.0, 1.0]
    assert np.isfinite(fitted(labels, scores).slope.value)

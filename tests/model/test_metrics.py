"""Metrics against scikit-learn's, and what their intervals promise."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    roc_auc_score,
    roc_curve,
)

from lakehouse.model.metrics import Numbers, auc_difference, measure, resampling


def scores_of(loans: int, seed: int = 1) -> tuple[Numbers, Numbers]:
    """Labels, and scores with many ties that tell something of them."""
    random = np.random.default_rng(seed)
    labels = (random.random(loans) < 0.3).astype("float64")
    scores = np.clip(0.3 + 0.2 * (labels - 0.3) + random.normal(0, 0.2, loans), 0, 1)
    return labels, np.round(scores, 2)


def test_the_numbers_are_those_of_scikit_learn_ties_included() -> None:
    labels, scores = scores_of(500)
    found = measure(labels, scores, resampling(range(500), 20, 0))
    alarms, caught, _ = roc_curve(labels, scores)
    assert found.auc.value == pytest.approx(roc_auc_score(labels, scores))
    assert found.gini.value == pytest.approx(2 * roc_auc_score(labels, scores) - 1)
    assert found.ks.value == pytest.approx((caught - alarms).max())
    assert found.pr_auc.value == pytest.approx(average_precision_score(labels, scores))
    assert found.brier.value == pytest.approx(brier_score_loss(labels, scores))
    assert (found.loans, found.defaults) == (500, labels.sum())


def test_an_interval_is_that_of_drawing_the_loans_again_one_by_one() -> None:
    labels, scores = scores_of(300)
    draws = resampling(range(300), 400, 0)
    weights = np.concatenate(list(draws.blocks())).astype(int)
    aucs = [roc_auc_score(np.repeat(labels, w), np.repeat(scores, w)) for w in weights]
    found = measure(labels, scores, draws).auc
    assert [found.low, found.high] == pytest.approx(list(np.quantile(aucs, [0.025, 0.975])))


def test_an_interval_narrows_with_more_loans() -> None:
    few, many = (measure(*scores_of(n), resampling(range(n), 200, 0)).auc for n in (100, 2000))
    assert many.high - many.low < (few.high - few.low) / 2


def test_the_same_seed_gives_the_same_interval_another_seed_another() -> None:
    labels, scores = scores_of(200)
    first, again, other = (
        measure(labels, scores, resampling(range(200), 50, s)).auc for s in (1, 1, 2)
    )
    assert first == again and first.low != other.low


def test_blocks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, scores = scores_of(200)
    whole = measure(labels, scores, resampling(range(200), 50, 0))
    monkeypatch.setattr("lakehouse.model.metrics.CELLS_AT_ONCE", 1400)
    assert measure(labels, scores, resampling(range(200), 50, 0)).auc == whole.auc


def test_all_loans_of_a_customer_are_drawn_together() -> None:
    (weights,) = resampling(["a", "b", "a", "c"], 30, 0).blocks()
    assert (weights[:, 0] == weights[:, 2]).all() and (weights[:, 0] != weights[:, 1]).any()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()


def test_one_outcome_alone_has_no_ranking_but_an_error() -> None:
    for label in (0.0, 1.0):
        found = measure(np.full(5, label), np.linspace(0, 1, 5), resampling(range(5), 20, 0))
        ranking = (found.auc, found.gini, found.ks, found.pr_auc)
        assert np.isnan([[each.value, each.low, each.high] for each in ranking]).all()
        assert found.brier.value > 0 and found.observed.value == label


def test_calibration_is_in_tenths_that_hold_every_loan_once() -> None:
    labels, _ = scores_of(1000)
    scores = np.random.default_rng(2).random(1000)
    bins = measure(labels, scores, resampling(range(1000), 20, 0)).calibration
    assert [each.loans for each in bins] == [100] * 10
    lowest = scores <= np.quantile(scores, 0.1)
    assert bins[0].observed.value == pytest.approx(labels[lowest].mean())
    assert bins[0].predicted.value == pytest.approx(scores[lowest].mean())
    assert bins[0].observed.low <= bins[0].observed.value <= bins[0].observed.high


def test_equal_scores_share_one_tenth() -> None:
    labels, _ = scores_of(50)
    (only,) = measure(labels, np.full(50, 0.3), resampling(range(50), 20, 0)).calibration
    assert only.loans == 50 and only.observed.value == pytest.approx(labels.mean())


def test_a_model_against_itself_gains_nothing_surely() -> None:
    labels, scores = scores_of(200)
    gain = auc_difference(labels, scores, scores, resampling(range(200), 50, 0))
    assert (gain.value, gain.low, gain.high) == (0, 0, 0)


def test_a_gain_is_the_difference_of_two_aucs() -> None:
    labels, scores = scores_of(400)
    worse = np.random.default_rng(3).random(400)
    gain = auc_difference(labels, scores, worse, resampling(range(400), 100, 0))
    expected = roc_auc_score(labels, scores) - roc_auc_score(labels, worse)
    assert gain.value == pytest.approx(expected) and gain.low > 0 and not gain.contains(0)

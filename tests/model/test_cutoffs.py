"""The cut-off table: its sums, and the margin behind it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lakehouse.errors import BadInput
from lakehouse.model.cutoffs import CutOffs, Margin, cut_offs
from lakehouse.model.metrics import Numbers, resampling

LABELS = np.array([0.0, 0.0, 1.0, 0.0, 1.0])
SCORES = np.array([0.1, 0.2, 0.3, 0.4, 0.9])


def table(labels: Numbers = LABELS, scores: Numbers = SCORES, **given: object) -> CutOffs:
    draws = resampling(np.arange(len(labels)), 400, seed=0)
    return cut_offs(labels, scores, Margin(0.1, 0.4), draws, **given)  # type: ignore[arg-type]


def test_five_loans_by_hand() -> None:
    found = table(shares=(0.0, 0.4))
    even, nobody, two = found.break_even, *found.rows
    # A loan breaks even at 0.1 / (0.1 + 0.4) = 0.2: only the first loan has a lower score.
    assert (even.score, even.approved, even.defaults) == (pytest.approx(0.2), 1, 0)
    assert nobody.score is None and (nobody.approved, nobody.defaults) == (5, 2)
    assert nobody.predicted_defaults == pytest.approx(1.9)
    assert (nobody.gain, nobody.loss) == (pytest.approx(0.3), pytest.approx(0.8))
    assert nobody.predicted_gain == pytest.approx(0.1 * 3.1)
    assert nobody.predicted_loss == pytest.approx(0.4 * 1.9)
    assert nobody.result.value == pytest.approx(100 * (0.3 - 0.8) / 5)
    assert nobody.predicted_result == pytest.approx(100 * (0.31 - 0.76) / 5)
    assert (two.approved, two.defaults, two.default_rate) == (3, 1, pytest.approx(1 / 3))
    assert two.approval == 0.6 and two.result.value == pytest.approx(100 * (0.2 - 0.4) / 5)


def test_the_sums_are_those_of_the_loans() -> None:
    random = np.random.default_rng(1)
    scores = random.random(500)
    labels = (random.random(500) < scores).astype("float64")
    loans = pd.DataFrame({"score": scores, "label": labels})
    found = table(labels, scores)
    assert [row.approved for row in found.rows] == [500, 475, 450, 400, 350, 300, 250]
    for row in (found.break_even, *found.rows):
        kept = loans if row.score is None else loans[loans["score"] < row.score]
        refused = 500 - len(kept)
        assert row.approved + refused == row.loans == 500
        assert row.defaults == kept["label"].sum()
        assert row.predicted_defaults == pytest.approx(kept["score"].sum())
        assert row.result.value == pytest.approx(100 * (row.gain - row.loss) / 500)
        assert row.result.low < row.result.value < row.result.high


def test_the_interval_is_that_of_a_mean() -> None:
    random = np.random.default_rng(1)
    labels = (random.random(2000) < 0.3).astype("float64")
    result = table(labels, np.full(2000, 0.1), shares=(0.0,)).rows[0].result
    happened = np.where(labels == 1, -40.0, 10.0)
    error = happened.std() / np.sqrt(2000)
    assert result.high - result.low == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_loans_with_the_same_score_are_refused_together() -> None:
    found = table(LABELS, np.array([0.1, 0.5, 0.5, 0.5, 0.5]), shares=(0.2,))
    assert found.rows[0].approved == 1


def test_a_cut_off_without_an_approved_loan_has_no_default_rate() -> None:
    found = table(LABELS, np.full(5, 0.9), shares=(0.5,))
    assert found.break_even.approved == 0 and np.isnan(found.break_even.default_rate)
    assert found.break_even.result.value == 0


@pytest.mark.parametrize(
    ("gain", "loss"), [(0.0, 0.4), (-0.1, 0.4), (0.1, 0.0), (0.1, 1.1), (float("nan"), 0.4)]
)
def test_an_impossible_margin_is_refused(gain: float, loss: float) -> None:
    with pytest.raises(BadInput, match="give shares of the amount above 0"):
        Margin(gain, loss)


def test_what_is_assumed_without_a_choice() -> None:
    assert Margin() == Margin(0.1, 0.45) and Margin().break_even == pytest.approx(0.1 / 0.55)

"""Each sentence of a verdict follows from the numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from lakehouse.model.assessment import Assessment
from lakehouse.model.coverage import Coverage
from lakehouse.model.metrics import CalibrationBin, Estimate
from lakehouse.model.scored import Scored
from lakehouse.model.shift import Shift
from lakehouse.model.stability import PartPsi
from lakehouse.model.verdict import Evidence, Verdict, judge


@pytest.fixture
def evidence(assessment: Assessment) -> Evidence:
    return assessment.evidence


def with_auc(scored: Scored, *auc: float) -> Scored:
    return replace(scored, test=replace(scored.test, auc=Estimate(*auc)))


def verdict(evidence: Evidence, *auc: float, best: float = 0.6, **changes: Any) -> Verdict:
    """The verdict where both models have this AUC, and the best feature that one."""
    models = tuple(with_auc(each, *auc) for each in evidence.models)
    best_feature = with_auc(evidence.best_feature, best, best, best)
    return judge(replace(evidence, models=models, best_feature=best_feature, **changes))


@pytest.mark.parametrize(
    ("auc", "kind", "said"),
    [
        ((0.8, 0.7, 0.9), "signal", "The features rank later applicants by risk: "),
        ((0.94, 0.9, 0.97), "signal", "The features rank later applicants by risk: "),
        ((0.95, 0.9, 0.97), "leak", "This would mean a leak: "),
        ((1.0, 1.0, 1.0), "leak", "This would mean a leak: "),
        ((0.55, 0.49, 0.61), "chance", "Not distinguishable from chance, which is 0.5: "),
        ((0.48, 0.4, 0.56), "chance", "Not distinguishable from chance, which is 0.5: "),
        ((0.4, 0.35, 0.45), "reversed", "Worse than chance, the ranking is reversed: "),
    ],
)
def test_the_verdict_follows_the_auc_and_tells_its_interval(
    evidence: Evidence, auc: tuple[float, ...], kind: str, said: str
) -> None:
    found = verdict(evidence, *auc)
    value, low, high = (f"{each:.3f}" for each in auc)
    assert found.kind == kind and found.headline.startswith(said)
    assert f"AUC of {value} out of time (95% interval {low} to {high})" in found.headline
    assert ("audit" in found.headline) == (kind == "leak")


def test_one_feature_that_is_too_good_is_a_leak_and_is_named(evidence: Evidence) -> None:
    found = verdict(evidence, 0.8, 0.7, 0.9, best=0.99)
    assert (
        found.kind == "leak" and "these reach it: best single feature (risk)." in found.reasons[0]
    )


def test_the_bound_of_a_leak_is_the_one_declared(evidence: Evidence) -> None:
    assert verdict(evidence, 0.9, 0.8, 0.95, leak_auc=0.9).kind == "leak"
    assert verdict(evidence, 0.9, 0.8, 0.95, leak_auc=0.91).kind == "signal"


def test_no_leak_seen_is_not_sold_as_none(evidence: Evidence) -> None:
    assert "does not prove that there is no leak" in verdict(evidence, 0.8, 0.7, 0.9).reasons[0]


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        (
            (0.1, 0.05, 0.15),
            "rank loans better than the best single one: the AUC differs by +0.100",
        ),
        (
            (-0.1, -0.15, -0.05),
            "rank loans worse than the best single one: the AUC differs by -0.100",
        ),
        (
            (0.01, -0.02, 0.04),
            "are not distinguishable from the best single one: the AUC differs by +0.010",
        ),
    ],
)
def test_the_model_is_weighed_against_the_best_feature(
    evidence: Evidence, gain: tuple[float, ...], said: str
) -> None:
    assert said in verdict(evidence, 0.8, 0.7, 0.9, gain=Estimate(*gain)).reasons[1]


@pytest.mark.parametrize(
    ("intercept", "said"),
    [
        ((-0.1, -0.3, 0.1), "not distinguishable from the 25.0%"),
        ((-0.5, -0.7, -0.3), "more than the 25.0%"),
        ((0.5, 0.3, 0.7), "fewer than the 25.0%"),
    ],
)
def test_the_predicted_rate_is_weighed_against_what_happened(
    evidence: Evidence, intercept: tuple[float, ...], said: str
) -> None:
    rates = {"predicted": Estimate(0.3, 0, 1), "observed": Estimate(0.25, 0.2, 0.3)}
    recalibration = replace(evidence.model.recalibration, in_the_large=Estimate(*intercept))
    model = replace(
        evidence.model, test=replace(evidence.model.test, **rates), recalibration=recalibration
    )
    reason = judge(replace(evidence, models=(model,))).reasons[2]
    assert f"predicts 30.0% defaults on average, {said} that happened" in reason
    assert f"The intercept at slope 1 is {intercept[0]:+.2f}" in reason


def test_each_tenth_of_the_score_is_weighed_too(evidence: Evidence) -> None:
    rates = [
        (0.1, 0.05, 0.01, 0.08),
        (0.2, 0.15, 0.1, 0.3),
        (0.3, 0.4, 0.35, 0.5),
        (0.5, 0.5, 0, 1),
    ]
    bins = tuple(
        CalibrationBin(10, Estimate(predicted, 0, 1), Estimate(*observed))
        for predicted, *observed in rates
    )
    model = replace(evidence.model, test=replace(evidence.model.test, calibration=bins))
    assert (
        judge(replace(evidence, models=(model,)))
        .reasons[3]
        .startswith(
            "By tenth of the score it predicts too many defaults in 2 of 4 and too few in 1; in 2 of them "
            "this is beyond the 95% interval."
        )
    )


@pytest.mark.parametrize(
    ("slope", "said"),
    [
        ((1.1, 0.9, 1.3), "1.10 (95% interval 0.90 to 1.30), not distinguishable from 1, which is"),
        ((1.4, 1.2, 1.6), "low scores are too high, and high ones too low."),
        ((0.6, 0.4, 0.8), "low scores are too low, and high ones too high."),
        ((math.nan,) * 3, "There is no calibration slope:"),
    ],
)
def test_the_slope_is_told_in_words(
    evidence: Evidence, slope: tuple[float, ...], said: str
) -> None:
    recalibration = replace(evidence.model.recalibration, slope=Estimate(*slope))
    model = replace(evidence.model, recalibration=recalibration)
    assert said in judge(replace(evidence, models=(model,))).reasons[3]


def test_features_that_test_lacks_are_counted(evidence: Evidence) -> None:
    lost = (Shift("a", "x", 3, 0, 1), Shift("b", "x", 0, 0, 0), Shift("c", "x", 0, 1, 1))
    said = [r for r in judge(replace(evidence, shifts=lost)).reasons if "never known" in r]
    assert said == ["1 of 3 features are never known in test, though in train: 1 of 3 of x."]
    still = judge(replace(evidence, shifts=lost[1:])).reasons
    assert not any("never known" in reason for reason in still)


def test_a_group_that_test_lacks_is_told_plainly_and_others_are_not(evidence: Evidence) -> None:
    groups = (
        Coverage("clickstream", 0.85, 0, 0),
        Coverage("attributes", 0.9, 0.5, 0.5),
        Coverage("financials", 1, 1, 0.95),
    )
    reasons = [r for r in judge(replace(evidence, coverage=groups)).reasons if "known for" in r]
    assert reasons == [
        "clickstream is missing for every test loan; it is known for 85% of train loans. "
        "The model could learn from it, but this test says nothing about it.",
        "attributes is known for only 50% of test loans; it is known for 90% of train loans.",
    ]


def test_a_score_that_shifted_is_told(evidence: Evidence) -> None:
    still = replace(evidence, score_shift=PartPsi("test", 0.05, 0.02))
    assert not any("score shifted" in reason for reason in judge(still).reasons)
    moved = replace(evidence, score_shift=PartPsi("test", 0.64, 0.024))
    assert (
        judge(moved).reasons[-1].endswith("its PSI is 0.64 (large), where chance gives about 0.02.")
    )


def test_large_shifts_are_counted_by_group(evidence: Evidence) -> None:
    evidence = replace(evidence, score_shift=PartPsi("test", 0.0, 0.02))
    moved = (Shift("a", "x", 3, 0, 1), Shift("b", "x", 0.25, 0, 0), Shift("c", "y", 0.2, 0, 0))
    assert judge(replace(evidence, shifts=moved)).reasons[-1] == (
        "2 of 3 features shifted much from train to test (PSI of 0.25 or more): 2 of x."
    )
    still = judge(replace(evidence, shifts=moved[2:])).reasons[-1]
    assert still == "No feature shifted much from train to test (no PSI of 0.25 or more)."

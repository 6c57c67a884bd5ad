"""The features that the models rely on."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from lakehouse.model.assessment import Assessment
from lakehouse.model.features import features_of, prepared
from lakehouse.model.importance import Permuted, permuted
from lakehouse.model.pipelines import boosting
from lakehouse.model.split import Split, divide

TrainingSet = Callable[..., pd.DataFrame]
GROUPS = {"risk": "known", "noise": "other", "occupation": "other"}


def importance_of(frame: pd.DataFrame, groups: dict[str, str] = GROUPS) -> Permuted:
    loans = prepared(frame)
    parts, features = divide(loans, Split()), features_of(loans)
    pipeline = boosting(features, trees=30).fit(parts.train.loans, parts.train.labels)
    return permuted(pipeline, parts.test, features, groups, seed=0)


def test_the_feature_that_tells_of_default_comes_first(training_set: TrainingSet) -> None:
    first, *others = importance_of(training_set()).features
    assert (first.name, first.group) == ("risk", "known") and first.auc_lost > 0.1
    assert all(abs(each.auc_lost) < 0.05 for each in others)


def test_a_group_is_permuted_as_one(training_set: TrainingSet) -> None:
    frame = training_set()
    half = frame["risk"].where(frame["noise"] > 0)
    twins = frame.assign(risk=half, noise=frame["risk"].where(half.isna()))
    found = importance_of(twins, {**GROUPS, "noise": "known"})
    first, other = found.groups
    assert (first.name, other.name) == ("known", "other")
    assert first.auc_lost > max(each.auc_lost for each in found.features) + 0.05


def test_a_feature_missing_for_every_test_loan_loses_exactly_nothing(
    training_set: TrainingSet,
) -> None:
    frame = training_set()
    frame.loc[300:, "risk"] = None
    found = {each.name: each for each in importance_of(frame).features}
    assert (found["risk"].auc_lost, found["risk"].spread) == (0, 0)


def test_coefficients_are_named_in_words_the_largest_first(assessment: Assessment) -> None:
    first, *others = assessment.coefficients
    names = [each.name for each in others]
    assert first.name == "risk" and first.log_odds > 0
    assert "risk is missing" in names and "occupation_Baker" in names
    sizes = [abs(each.log_odds) for each in assessment.coefficients]
    assert sizes == pytest.approx(sorted(sizes, reverse=True))

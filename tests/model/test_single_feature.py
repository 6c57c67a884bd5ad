"""One feature against the label: what the audit takes for a leak, and the best baseline."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from lakehouse.model.baselines import best_feature, one_feature, prevalence
from lakehouse.model.features import features_of, prepared
from lakehouse.model.pipelines import scores
from lakehouse.model.single_feature import single_feature_auc
from lakehouse.model.split import Split, divide

TrainingSet = Callable[..., pd.DataFrame]


def test_the_auc_is_that_of_the_loans_a_feature_is_known_for(training_set: TrainingSet) -> None:
    frame = training_set().round({"risk": 1})
    known = frame.dropna(subset="risk")
    found = single_feature_auc(frame, ["risk", "noise"])
    assert found["risk"] == pytest.approx(roc_auc_score(known["label"], known["risk"]))
    assert found["noise"] == pytest.approx(roc_auc_score(frame["label"], frame["noise"]))
    assert found.index.to_list() == ["risk", "noise", "risk is missing"]


def test_a_feature_known_for_defaults_alone_is_seen_by_its_missing_values(
    training_set: TrainingSet,
) -> None:
    frame = training_set()
    found = single_feature_auc(
        frame.assign(noise=frame["noise"].where(frame["label"] == 1)), ["noise"]
    )
    assert np.isnan(found["noise"]) and found["noise is missing"] == 0


def test_less_of_it_meaning_default_is_below_a_half(training_set: TrainingSet) -> None:
    frame = training_set()
    assert single_feature_auc(frame.assign(risk=-frame["label"]), ["risk"])["risk"] == 0


def test_text_that_tells_the_label_is_seen_and_an_id_is_not(training_set: TrainingSet) -> None:
    frame = training_set()
    frame["status"] = np.where(frame["label"] == 1, "late", "paid")
    found = single_feature_auc(frame, ["status", "loan_id", "occupation"])
    assert found["status"] == 1 and np.isnan(found["loan_id"])
    assert abs(found["occupation"] - 0.5) < 0.1


def test_a_feature_that_nobody_has_and_one_that_all_have_alike(training_set: TrainingSet) -> None:
    frame = training_set().assign(nothing=None, same=1)
    found = single_feature_auc(frame, ["nothing", "same"])
    assert np.isnan(found["nothing"]) and found["same"] == 0.5


def test_the_best_feature_is_chosen_on_train_in_either_direction(training_set: TrainingSet) -> None:
    for sign in (1, -1):
        frame = training_set()
        frame["risk"] *= sign
        loans = prepared(frame)
        parts, features = divide(loans, Split()), features_of(loans)
        name = best_feature(parts.train, features)
        pipeline = one_feature(name)(features).fit(parts.train.loans, parts.train.labels)
        assert name == "risk"
        assert roc_auc_score(parts.test.labels, scores(pipeline, parts.test)) > 0.75


def test_the_best_feature_is_a_feature_where_none_is_known(training_set: TrainingSet) -> None:
    loans = prepared(training_set().assign(risk=None, noise=None, occupation=None))
    assert best_feature(divide(loans, Split()).train, features_of(loans)) == "noise"


def test_prevalence_is_the_default_rate_of_train_for_everybody(training_set: TrainingSet) -> None:
    loans = prepared(training_set())
    parts = divide(loans, Split())
    pipeline = prevalence(features_of(loans)).fit(parts.train.loans, parts.train.labels)
    assert set(scores(pipeline, parts.test)) == {parts.train.labels.mean()}

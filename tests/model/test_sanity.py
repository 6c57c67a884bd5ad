"""The sanity check from a training set to a verdict: a planted leak, shuffled labels, a clean set."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline

from lakehouse.errors import BadInput
from lakehouse.model.assessment import Assessment
from lakehouse.model.features import Features
from lakehouse.model.pipelines import boosting
from lakehouse.model.sanity import out_of_time_scores
from lakehouse.model.split import Split
from lakehouse.progress import Done

TrainingSet = Callable[..., pd.DataFrame]
Assessed = Callable[..., Assessment]


def shuffled(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(label=np.random.default_rng(0).permutation(frame["label"]))


def test_a_clean_training_set_shows_its_signal(assessment: Assessment) -> None:
    assert assessment.verdict.kind == "signal"
    aucs = [each.test.auc.value for each in assessment.scored]
    assert all(0.75 < auc < 0.95 for auc in aucs[:3]) and aucs[3] == 0.5
    assert assessment.evidence.best_feature.setting == "risk"


def test_a_planted_leak_is_called_one(training_set: TrainingSet, assessed: Assessed) -> None:
    frame = training_set()
    found = assessed(frame.assign(paid=1.0 - frame["label"]))
    assert found.verdict.kind == "leak" and "best single feature (paid)" in found.verdict.reasons[0]


def test_a_leak_by_missing_values_alone_is_called_one(
    training_set: TrainingSet, assessed: Assessed
) -> None:
    frame = training_set()
    assert (
        assessed(frame.assign(noise=frame["noise"].where(frame["label"] == 1))).verdict.kind
        == "leak"
    )


def test_shuffled_labels_are_at_chance(training_set: TrainingSet, assessed: Assessed) -> None:
    assert assessed(shuffled(training_set())).verdict.kind == "chance"


def test_the_model_of_least_loss_on_validation_leads(assessment: Assessment) -> None:
    models = assessment.evidence.models
    assert {each.name for each in models} == {"gradient boosting", "logistic regression"}
    assert assessment.scored[0] is models[0] is assessment.evidence.model


def test_each_month_after_train_has_its_metrics(assessment: Assessment) -> None:
    for scored in assessment.scored:
        assert [(m.month, m.part) for m in scored.by_month] == [
            ("2024-03", "validation"), ("2024-04", "test"), ("2024-05", "test"), ("2024-06", "test")
        ]  # fmt: skip
        assert sum(m.metrics.loans for m in scored.by_month[1:]) == scored.test.loans == 300


def test_a_month_of_one_outcome_has_no_auc_and_does_not_stop_the_rest(
    training_set: TrainingSet, assessed: Assessed
) -> None:
    frame = training_set()
    frame.loc[frame.index >= 500, "label"] = 0
    found = assessed(frame).as_json()
    month = found["evidence"]["models"][0]["by_month"][-1]["metrics"]
    assert month["auc"] == {"value": None, "low": None, "high": None} and month["loans"] == 100
    assert found["evidence"]["models"][0]["test"]["auc"]["value"] > 0.5


def test_the_same_loans_and_columns_in_any_order_give_the_same_numbers(
    training_set: TrainingSet, assessed: Assessed, assessment: Assessment
) -> None:
    frame = training_set().sample(frac=1, random_state=2)
    again = assessed(frame[sorted(frame.columns, reverse=True)])
    assert again.as_json() == assessment.as_json()


def test_the_numbers_are_plain_json_of_no_loan(assessment: Assessment) -> None:
    text = json.dumps(assessment.as_json(), allow_nan=False)
    assert json.loads(text)["facts"] == {"training_set_id": "ts-1", "release": 3}
    assert "L00" not in text and "C00" not in text


def test_left_out_loans_are_in_the_parts(training_set: TrainingSet, assessed: Assessed) -> None:
    frame = training_set()
    frame.loc[frame.index % 100 < 5, "customer_id"] = "again"
    assert [part.left_out for part in assessed(frame).parts] == [10, 5, 0]
    stay = assessed(frame, split=Split(repeat_customers=True))
    assert [part.left_out for part in stay.parts] == [0, 0, 0]


def test_progress_is_told(assessed: Assessed) -> None:
    told: list[tuple[str, Done]] = []
    assessed(on_progress=lambda _subject, doing, _months, done: told.append((doing, done)))
    assert told[0] == ("gradient boosting: 3 settings", Done(0, 6))
    assert [done for _, done in told] == [Done(n, 6) for n in range(6)]


def test_the_cost_of_the_rule_is_told_in_loans_and_auc(
    training_set: TrainingSet, assessed: Assessed
) -> None:
    frame = training_set(months=9, days_to_label=61)
    found = assessed(frame, rolling=True)
    without = assessed(frame, split=Split(labels_known=False))
    known = found.evidence.labels_known
    assert [(str(k.first_day), k.loans, k.left_out, k.on_first_day) for k in known.train] == [
        ("2024-06-01", 300, 200, 100), ("2024-07-01", 400, 100, 100)
    ]  # fmt: skip
    models = {model.name: model.test.auc for model in found.evidence.models}
    others = {model.name: model.test.auc for model in without.evidence.models}
    for each in known.models:
        assert (each.auc, each.auc_without) == (models[each.model], others[each.model])
        assert each.difference.value == pytest.approx(each.auc.value - each.auc_without.value)
    (said,) = (reason for reason in found.verdict.reasons if "no known label" in reason)
    assert said.startswith("100 of 500 train loans had no known label before 2024-07-01")
    assert {each.difference.value for each in without.evidence.labels_known.models} == {0.0}
    assert found.rolling and len(found.rolling.months) == 9 and without.rolling is None


def test_too_few_months_for_a_known_label_are_told_in_the_verdict(
    training_set: TrainingSet, assessed: Assessed
) -> None:
    found = assessed(training_set(days_to_label=200))
    assert found.verdict.headline.endswith("It learned from labels that nobody knew yet.")
    (said,) = (reason for reason in found.verdict.reasons if "take more months" in reason)
    assert said.startswith("0 of 200 train loans had a known label before 2024-03-01, the first")


def test_out_of_time_scores_are_those_of_test_alone(training_set: TrainingSet) -> None:
    frame = training_set()
    labels, scores = out_of_time_scores(frame)
    assert len(labels) == len(scores) == 300 and roc_auc_score(labels, scores) > 0.75
    labels, scores = out_of_time_scores(shuffled(frame))
    assert abs(roc_auc_score(labels, scores) - 0.5) < 0.1


def test_out_of_time_scores_see_no_label_after_train(training_set: TrainingSet) -> None:
    frame = training_set()
    other = frame.assign(label=frame["label"].where(frame.index < 200, 1 - frame["label"]))
    (_, scores), (_, again) = out_of_time_scores(frame), out_of_time_scores(other)
    assert (scores == again).all()


def test_out_of_time_scores_take_a_pipeline_of_ones_own(training_set: TrainingSet) -> None:
    def small(features: Features) -> Pipeline:
        return boosting(features, trees=5)

    labels, scores = out_of_time_scores(training_set(), Split(test_months=2), small)
    assert len(labels) == 200 and roc_auc_score(labels, scores) > 0.7


def test_a_training_set_without_labels_is_refused(
    training_set: TrainingSet, assessed: Assessed
) -> None:
    with pytest.raises(BadInput, match="lacks label; take one of labelled loans"):
        assessed(training_set().drop(columns="label"))

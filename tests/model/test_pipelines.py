"""A model learns only on train, and no unseen value stops it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lakehouse.errors import BadInput
from lakehouse.model.features import features_of, prepared
from lakehouse.model.pipelines import (
    CANDIDATES,
    PipelineFactory,
    boosting,
    fit_best,
    logistic,
    scores,
)
from lakehouse.model.split import Split, divide

TrainingSet = Callable[..., pd.DataFrame]
FACTORIES = pytest.mark.parametrize("factory", [logistic, boosting])


@FACTORIES
def test_the_same_loans_give_the_same_scores(
    training_set: TrainingSet, factory: PipelineFactory
) -> None:
    loans = prepared(training_set())
    parts, features = divide(loans, Split()), features_of(loans)
    first, again = (
        scores(factory(features).fit(parts.train.loans, parts.train.labels), parts.test)
        for _ in range(2)
    )
    assert (first == again).all()


@FACTORIES
def test_text_never_seen_and_features_missing_in_one_part_are_taken(
    training_set: TrainingSet, factory: PipelineFactory
) -> None:
    frame = training_set()
    frame.loc[500:, "occupation"] = "Astronaut"
    frame.loc[400:500, "occupation"] = None
    frame.loc[:299, "noise"] = None
    frame.loc[300:, "risk"] = None
    loans = prepared(frame.assign(nothing=None))
    parts = divide(loans, Split())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pipeline = factory(features_of(loans)).fit(parts.train.loans, parts.train.labels)
        assert np.isfinite(scores(pipeline, parts.test)).all()


@pytest.mark.parametrize("name", CANDIDATES)
def test_a_model_knows_nothing_of_test(training_set: TrainingSet, name: str) -> None:
    loans = prepared(training_set())
    parts, features = divide(loans, Split()), features_of(loans)
    scrambled = parts.test.loans.assign(risk=99.0, occupation="Astronaut", label=1)
    other = replace(parts, test=replace(parts.test, loans=scrambled))
    one, two = (fit_best(name, CANDIDATES[name], features, each) for each in (parts, other))
    assert one.setting == two.setting
    assert (one.scores(parts.validation) == two.scores(parts.validation)).all()


@FACTORIES
def test_a_model_has_seen_no_label_that_was_not_known_yet(
    training_set: TrainingSet, factory: PipelineFactory
) -> None:
    loans = prepared(training_set(months=9, days_to_label=61))
    parts, features = divide(loans, Split()), features_of(loans)
    for part in (parts.validation, parts.test):
        known = loans["label_observed"] < part.first_day
        flipped = loans.assign(label=loans["label"].where(known, 1 - loans["label"]))
        # Validation chooses the setting, so its labels stay.
        other = replace(parts, train=divide(flipped, Split()).train)
        without_rule = replace(other, labels_known=False)
        first, again, without = (
            fit_best("", {"": factory}, features, each).scores(part)
            for each in (parts, other, without_rule)
        )
        assert (first == again).all() and (first != without).any()


def test_a_model_of_which_no_label_was_known_is_refused(training_set: TrainingSet) -> None:
    loans = prepared(training_set(days_to_label=200))
    with pytest.raises(
        BadInput, match=r"0 of 200 train loans .* before 2024-03-01, the first day of"
    ):
        fit_best("logistic", {"": logistic}, features_of(loans), divide(loans, Split()))


def test_the_setting_is_the_one_of_least_loss_on_validation(training_set: TrainingSet) -> None:
    loans = prepared(training_set())
    parts, features = divide(loans, Split()), features_of(loans)
    candidates = {"weak": lambda f: logistic(f, 1e-6), "strong": lambda f: logistic(f, 1.0)}
    alone = {
        name: fit_best("logistic", {name: candidates[name]}, features, parts) for name in candidates
    }
    best = fit_best("logistic", candidates, features, parts)
    assert best.setting == "strong"
    assert best.validation_log_loss == min(m.validation_log_loss for m in alone.values())

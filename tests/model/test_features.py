"""Columns that are features, and training sets that are refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lakehouse.catalog import load
from lakehouse.errors import BadInput
from lakehouse.model.features import as_of_columns, declared_groups, features_of, prepared

TrainingSet = Callable[..., pd.DataFrame]


def test_ids_dates_and_labels_are_no_features(training_set: TrainingSet) -> None:
    features = features_of(prepared(training_set()))
    assert features.numeric == ("noise", "risk") and features.text == ("occupation",)


def test_a_column_of_the_day_a_group_was_known_is_no_feature(training_set: TrainingSet) -> None:
    found = as_of_columns(prepared(training_set()))
    assert found == {
        "attributes": "attributes_snapshot_date",
        "financials": "financials_snapshot_date",
    }


@pytest.mark.parametrize(
    "values",
    [
        pd.array([1, None], dtype="Int32"),
        pd.array([True, None], dtype="boolean"),
        pd.array([1.0, np.nan], dtype="float32"),
    ],
)
def test_a_number_of_any_type_is_a_float_with_nan_for_missing(
    training_set: TrainingSet, values: Any
) -> None:
    frame = training_set(a_month=2).assign(risk=np.tile(values, 6))
    frame["risk"] = pd.Series(list(values) * 6, dtype=values.dtype)
    risk = prepared(frame)["risk"]
    assert risk.dtype == "float64" and risk.isna().sum() == 6 and risk.max() == 1.0


def test_a_feature_that_nobody_has_is_a_number(training_set: TrainingSet) -> None:
    assert "risk" in features_of(prepared(training_set().assign(risk=None))).numeric


def test_the_order_of_rows_does_not_matter(training_set: TrainingSet) -> None:
    frame = training_set()
    pd.testing.assert_frame_equal(prepared(frame), prepared(frame.sample(frac=1, random_state=1)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda f: f.drop(columns=["label", "loan_id"]),
            "lacks loan_id, label; take one of labelled loans",
        ),
        (lambda f: f.assign(label=2), "neither 0 nor 1"),
        (lambda f: f.assign(label=pd.NA), "neither 0 nor 1"),
        (lambda f: pd.concat([f, f]), "twice"),
        (lambda f: f.assign(application_date=None), "no loan_id, customer_id, application_date or"),
        (lambda f: f.assign(label_observed=None), "or label_observed"),
        (lambda f: f.drop(columns=["risk", "noise", "occupation"]), "no features"),
        (lambda f: f.assign(risk=np.inf), "feature risk is infinite"),
        (lambda f: f.assign(risk=date(2024, 1, 1)), "feature risk is neither a number nor text"),
    ],
)
def test_what_no_model_can_be_fitted_on_is_refused(
    training_set: TrainingSet, change: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        prepared(change(training_set()))


def test_a_declared_feature_knows_its_group() -> None:
    groups = declared_groups(load())
    assert groups["age"] == "attributes" and groups["fe_1_mean_3m"] == "clickstream"

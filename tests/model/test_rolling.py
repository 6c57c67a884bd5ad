"""Deployment month by month: no model has learned from a label that nobody knew at its start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from lakehouse.model.assessment import Assessment
from lakehouse.model.features import features_of, prepared
from lakehouse.model.pipelines import logistic
from lakehouse.model.report import write_report
from lakehouse.model.rolling import Rolling, roll
from lakehouse.model.scored import Bootstrap
from lakehouse.model.split import month_of
from lakehouse.progress import Steps, silent

TrainingSet = Callable[..., pd.DataFrame]


def rolled(frame: pd.DataFrame, repeat_customers: bool = False) -> Rolling:
    loans = prepared(frame)
    return roll(loans, features_of(loans), repeat_customers, Bootstrap(draws=50), Steps(silent, 6))


@pytest.fixture(scope="module")
def frame(training_set: TrainingSet) -> pd.DataFrame:
    """Six months; a label is observed on the first of the month after the next, or a day or two later."""
    return training_set(days_to_label=61)


@pytest.fixture(scope="module")
def rolling(frame: pd.DataFrame) -> Rolling:
    return rolled(frame)


def test_a_month_learns_from_the_labels_observed_before_its_first_day(rolling: Rolling) -> None:
    sizes = {month.month: (month.trained_on, month.scored) for month in rolling.months}
    # February and March have 60 days together, so the label of February is observed on 2 April.
    assert sizes == {
        "2024-01": (0, 100), "2024-02": (0, 100), "2024-03": (0, 100), "2024-04": (100, 100),
        "2024-05": (200, 100), "2024-06": (300, 100),
    }  # fmt: skip


def test_the_auc_of_a_month_is_that_of_a_model_fitted_by_hand(
    frame: pd.DataFrame, rolling: Rolling
) -> None:
    loans = prepared(frame)
    known = loans[loans["label_observed"] < "2024-05-01"]
    now = loans[month_of(loans) == "2024-05"]
    model = logistic(features_of(loans)).fit(known, known["label"])
    auc = roc_auc_score(now["label"], model.predict_proba(now)[:, 1])
    (may,) = (month for month in rolling.months if month.month == "2024-05")
    assert {each.model: each.auc.value for each in may.aucs}["logistic regression"] == (
        pytest.approx(auc)
    )
    assert all(each.auc.low < each.auc.value < each.auc.high for each in may.aucs)


def test_labels_that_nobody_knew_change_nothing(frame: pd.DataFrame, rolling: Rolling) -> None:
    unknown = pd.to_datetime(frame["label_observed"]) >= "2024-05-01"
    earlier = pd.to_datetime(frame["application_date"]) < "2024-05-01"
    flipped = frame.assign(label=frame["label"].mask(unknown & earlier, 1 - frame["label"]))
    months = {month.month: month for month in rolled(flipped).months}
    before = {month.month: month for month in rolling.months}
    assert months["2024-05"] == before["2024-05"]
    assert months["2024-06"] != before["2024-06"]


def test_a_month_with_too_few_events_says_so_in_place_of_a_number(frame: pd.DataFrame) -> None:
    may = frame.index // 100 == 4
    few = frame.assign(label=frame["label"].where(~may, (frame.index % 100 < 9).astype("int32")))
    found = {month.month: month for month in rolled(few).months}
    assert found["2024-03"].too_few == "0 defaults known by then" and not found["2024-03"].aucs
    assert found["2024-05"].too_few == "9 defaults in this month" and not found["2024-05"].aucs
    assert found["2024-06"].too_few == "" and found["2024-06"].aucs


def test_a_customer_of_the_month_is_not_learned_from_unless_declared(frame: pd.DataFrame) -> None:
    again = frame.assign(
        customer_id=frame["customer_id"].where(frame.index % 100 >= 5, "again"),
    )
    months = [rolled(again, declared).months[-1] for declared in (False, True)]
    assert [month.trained_on for month in months] == [285, 300]


def test_the_report_shows_each_month_and_the_picture(
    assessment: Assessment, rolling: Rolling, tmp_path: Path
) -> None:
    found = replace(assessment, rolling=rolling)
    page = write_report(found, tmp_path).read_text("utf-8")
    assert (tmp_path / "rolling.png").read_bytes().startswith(b"\x89PNG")
    assert "too few: 0 defaults known by then" in page
    told: dict[str, Any] = found.as_json()["rolling"]
    assert [month["month"] for month in told["months"]][-1] == "2024-06"
    last = told["months"][-1]["aucs"][0]["auc"]["value"]
    assert f"<b>{last:.3f}</b>" in page
    assert len(told["together"]) == 2

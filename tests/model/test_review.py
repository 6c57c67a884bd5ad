"""The questions of a validator to an assessment, answered from its own loans."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from lakehouse.errors import BadInput
from lakehouse.model.assessment import Assessment
from lakehouse.model.cutoffs import Margin
from lakehouse.model.review import Review
from lakehouse.model.stability import stability
from lakehouse.protected import Protected
from lakehouse.training.coverage import Found

TrainingSet = Callable[..., pd.DataFrame]
Assessed = Callable[..., Assessment]
JOB = Protected("job", "Job.", feature="occupation", carried_by=("occupation", "no_feature"))


@pytest.fixture(scope="module")
def without_job(assessed: Assessed) -> Assessment:
    return assessed(review=Review(Margin(0.2, 0.3), (JOB,), without_protected=True))


def test_a_kept_out_feature_is_in_no_model_and_people_are_still_told_apart(
    without_job: Assessment, assessment: Assessment
) -> None:
    assert without_job.review.kept_out == ("occupation",) and not assessment.review.kept_out
    told = without_job.as_json()
    for used in (told["importance"]["features"], told["evidence"]["shifts"]):
        assert {each["name"] for each in used} == {"risk", "noise"}
    assert not any("occupation" in each.name for each in without_job.coefficients)
    assert "occupation" in {each.name for each in assessment.importance.features}
    (attribute,) = without_job.review.attributes
    assert [group.name for group in attribute.groups] == ["Baker", "Lawyer", "Pilot"]
    assert sum(group.loans for group in attribute.groups) == 300


def test_the_margin_is_the_one_that_was_given(without_job: Assessment) -> None:
    cuts = without_job.review.cut_offs
    assert cuts.margin == Margin(0.2, 0.3) and cuts.break_even.score == pytest.approx(0.4)
    scores = without_job.evidence.model.scores
    approved = [g.rates.approved.value * g.loans for g in _groups(without_job) if g.rates]
    assert sum(approved) == pytest.approx((scores < 0.4).sum()) == cuts.break_even.approved


def _groups(assessment: Assessment):  # type: ignore[no-untyped-def]
    return assessment.review.attributes[0].groups


def test_a_model_without_any_feature_is_refused(
    training_set: TrainingSet, assessed: Assessed
) -> None:
    with pytest.raises(BadInput, match="every feature carries a protected attribute"):
        assessed(
            training_set().drop(columns=["risk", "noise"]),
            review=Review(protected=(JOB,), without_protected=True),
        )


def test_the_psi_of_the_score_is_that_of_its_tenths(assessment: Assessment) -> None:
    found = assessment.review.stability
    assert [part.part for part in found.parts] == ["validation", "test"]
    for part in found.parts:
        shares = np.array([[bin.train, getattr(bin, part.part)] for bin in found.bins])
        assert shares.sum(axis=0) == pytest.approx([1, 1])
        expected, actual = shares.clip(min=1e-4).T
        by_hand = ((actual - expected) * np.log(actual / expected)).sum()
        assert part.psi == pytest.approx(by_hand)


def test_the_tenths_of_the_score_by_hand() -> None:
    train = np.arange(1, 101) / 101
    found = stability(train, train, np.concatenate([train[:50], train[:50]]))
    assert len(found.bins) == 10 and found.parts[0].psi == 0
    assert [round(bin.train, 2) for bin in found.bins] == [0.1] * 10
    assert [round(bin.test, 2) for bin in found.bins] == [0.2] * 5 + [0.0] * 5
    expected = 5 * 0.1 * np.log(2) + 5 * (1e-4 - 0.1) * np.log(1e-4 / 0.1)
    assert found.parts[1].psi == pytest.approx(expected) and found.parts[1].mark == "large"


def test_coverage_is_counted_by_month_and_a_group_that_ends_is_warned_of(
    training_set: TrainingSet, assessed: Assessed
) -> None:
    frame = training_set()
    frame.loc[300:, ["risk", "financials_snapshot_date"]] = None
    found = assessed(frame)
    groups = {each.group: each for each in found.review.coverage}
    assert groups["attributes"].warning() is None
    assert (
        list(groups["financials"].by_month.values()) == [Found(100, 100)] * 3 + [Found(100, 0)] * 3
    )
    warning = groups["financials"].warning()
    assert warning == (
        "financials: none of 300 applications of 2024-04 to 2024-06 find features, after 100% in "
        "other months"
    )
    assert any(
        reason == "1 of 3 features are never known in test, though in train: 1 of 2 of other."
        for reason in found.verdict.reasons
    )


def test_each_part_has_its_first_and_last_day(assessment: Assessment) -> None:
    days = [(str(part.first_day), str(part.last_day)) for part in assessment.parts]
    assert days == [
        ("2024-01-01", "2024-02-01"), ("2024-03-01", "2024-03-01"), ("2024-04-01", "2024-06-01")
    ]  # fmt: skip

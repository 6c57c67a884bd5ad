"""Protected attributes: who is approved, who defaults, and whether the scores are right, by group."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lakehouse.catalog import load
from lakehouse.model.metrics import resampling
from lakehouse.model.subgroups import Attribute, attributes
from lakehouse.protected import Protected

AGE = Protected("age", "Age.", feature="age", carried_by=("age",), band=10)
JOB = Protected("job", "Job.", feature="job", carried_by=("job",))


@pytest.fixture
def loans() -> pd.DataFrame:
    random = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "age": random.choice(
                [19.0, 20.0, 29.0, 30.0, np.nan], 600, p=[0.02, 0.3, 0.3, 0.3, 0.08]
            ),
            "job": random.choice(["Pilot", "Baker"], 600).astype(object),
            "score": random.random(600),
        }
    )
    # The scores are right, but for bakers, of whom twice as many default.
    chance = frame["score"] * np.where(frame["job"] == "Baker", 1.0, 0.5)
    return frame.assign(label=(random.random(600) < chance).astype("float64"))


def found(loans: pd.DataFrame, *protected: Protected) -> dict[str, Attribute]:
    draws = resampling(np.arange(len(loans)), 200, seed=0)
    labels, scores = loans["label"].to_numpy(), loans["score"].to_numpy()
    told = attributes(protected, loans, labels, scores, 0.6, draws)
    return {each.name: each for each in told}


def test_the_rates_are_those_of_the_loans_of_a_group(loans: pd.DataFrame) -> None:
    (told,) = found(loans, JOB).values()
    assert [group.name for group in told.groups] == ["Baker", "Pilot"]
    for group in told.groups:
        own = loans[loans["job"] == group.name]
        assert group.loans == len(own) and group.rates is not None
        assert group.rates.approved.value == pytest.approx((own["score"] < 0.6).mean())
        assert group.rates.predicted.value == pytest.approx(own["score"].mean())
        assert group.rates.observed.value == pytest.approx(own["label"].mean())
        difference = own["score"].mean() - own["label"].mean()
        assert group.rates.difference.value == pytest.approx(difference)
        error = (own["score"] - own["label"]).std() / np.sqrt(len(own))
        width = group.rates.difference.high - group.rates.difference.low
        assert width == pytest.approx(2 * 1.96 * error, rel=0.25)


def test_a_group_that_is_scored_wrongly_is_named(loans: pd.DataFrame) -> None:
    assert [group.name for group in found(loans, JOB)["job"].off] == ["Pilot"]


def test_ages_are_in_bands_and_what_is_not_known_comes_last(loans: pd.DataFrame) -> None:
    groups = found(loans, AGE)["age"].groups
    assert [group.name for group in groups] == ["10 to 19", "20 to 29", "30 to 39", "not known"]
    assert sum(group.loans for group in groups) == 600
    assert groups[1].loans == loans["age"].isin([20, 29]).sum()


def test_too_few_loans_have_no_rates(loans: pd.DataFrame) -> None:
    few = found(loans, AGE)["age"].groups[0]
    assert few.loans < 30 and few.rates is None
    assert few not in found(loans, AGE)["age"].told
    (alone,) = found(loans[:10].reset_index(drop=True), replace(JOB)).values()
    assert not alone.told and not alone.off


def test_an_attribute_that_no_feature_carries_is_left_out(loans: pd.DataFrame) -> None:
    assert list(found(loans.drop(columns="age"), AGE, JOB)) == ["job"]


def test_every_declared_attribute_is_a_feature() -> None:
    catalog = load()
    features = {f.name for table in catalog.feature_groups for f in table.features}
    assert {each.name for each in catalog.protected} == {"age", "occupation"}
    for each in catalog.protected:
        assert each.feature in each.carried_by and {*each.carried_by} <= features

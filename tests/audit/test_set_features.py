"""Columns of a training set that know the outcome, or whose day nobody knows, and clean twins of them."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from lakehouse.audit.finding import Check
from lakehouse.audit.set_features import dateless, feature_checks, undated, without_day
from lakehouse.catalog import load
from lakehouse.errors import BadInput
from lakehouse.model.features import declared_groups
from tests.audit.planted import labelled_loans

GROUPS = declared_groups(load())

LOANS = 2400
NO_FEATURES = ("loan_id", "customer_id", "application_date", "label")


@pytest.fixture
def loans() -> pd.DataFrame:
    return labelled_loans(LOANS)


def outcome(loans: pd.DataFrame, noise: float) -> pd.Series:
    return loans["label"] + np.random.default_rng(6).normal(scale=noise, size=len(loans))


def found(loans: pd.DataFrame) -> dict[str, str]:
    return {f.subject: check.name for check in feature_checks(loans) for f in check.findings}


def numbers(loans: pd.DataFrame) -> Check:
    (check,) = feature_checks(loans)
    assert (check.name, check.findings) == ("numbers", ())
    return check


# The label, told by a feature


def test_the_columns_of_a_set_that_know_nothing_pass(loans: pd.DataFrame) -> None:
    noise = np.random.default_rng(1).normal(size=LOANS)
    days = pd.to_datetime("2020-01-01") + pd.to_timedelta(np.arange(LOANS) % 97, "D")
    clean = loans.assign(noise=noise, opened=days, opened_again=days.date, branch="north")

    assert found(clean) == {}
    assert feature_checks(clean)[0].looked_at.startswith("7 features of 2,400 loans")


def test_an_outcome_under_another_name_and_with_noise_is_found(loans: pd.DataFrame) -> None:
    assert found(loans.assign(household=outcome(loans, 0.3))) == {"household": "one feature alone"}


@pytest.mark.parametrize("of_python", [True, False])
def test_a_day_that_knows_the_outcome_is_found(loans: pd.DataFrame, of_python: bool) -> None:
    closed = [date(2024, 1, 1) + timedelta(days) for days in (400 * loans["label"]).tolist()]
    days = closed if of_python else pd.to_datetime(closed).tz_localize("Asia/Singapore")

    assert found(loans.assign(closed=days)) == {"closed": "one feature alone"}


def test_an_absence_that_knows_the_outcome_is_found(loans: pd.DataFrame) -> None:
    hidden = (loans["label"] == 1) & (np.arange(LOANS) % 3 == 0)

    assert found(loans.assign(x1=loans["x1"].mask(hidden))) == {
        "x1 is missing": "absence of a feature"
    }


def test_an_outcome_in_the_loans_of_one_month_is_found(loans: pd.DataFrame) -> None:
    july = loans["application_date"].dt.strftime("%Y-%m") == "2023-07"

    assert found(loans.assign(x1=loans["x1"].mask(july, outcome(loans, 0.5)))) == {
        "x1": "jump of one feature"
    }


def test_a_loan_that_its_user_took_twice_is_one_loan(loans: pd.DataFrame) -> None:
    twice = pd.concat([loans, loans[loans["label"] == 1]])

    assert [c.looked_at for c in feature_checks(twice)] == [
        c.looked_at for c in feature_checks(loans)
    ]


@pytest.mark.parametrize("column", ["loan_id", "label"])
def test_a_set_without_what_is_compared_says_so(loans: pd.DataFrame, column: str) -> None:
    assert numbers(loans.drop(columns=column)).looked_at == f"nothing: the set has no {column}"


def test_a_set_without_features_or_with_few_loans_says_so(loans: pd.DataFrame) -> None:
    assert numbers(loans[[*NO_FEATURES]]).looked_at == "nothing: the set has no features"
    few = loans[loans["label"] == 0].head(100).assign(label=[1] * 9 + [0] * 91)
    assert numbers(few).looked_at == "nothing: 9 loans have one of the outcomes, and 10 are needed"


def test_a_column_that_no_model_takes_is_refused(loans: pd.DataFrame) -> None:
    with pytest.raises(BadInput, match="feature pair is neither a number nor text; leave it out"):
        feature_checks(loans.assign(pair=[(1, 2)] * LOANS))


# The days of features


def test_features_of_a_group_whose_day_was_left_out_are_named() -> None:
    loans = pd.DataFrame({"age": [40.0], "fe_1": [1.0], "attributes_snapshot_date": [date.today()]})

    assert undated(loans, GROUPS) == {"clickstream": "fe_1"}
    assert undated(loans.assign(clickstream_snapshot_date=None), GROUPS) == {}


def test_a_feature_without_its_day_is_found_and_a_loan_without_both_passes() -> None:
    day = pd.Timestamp("2023-01-01")
    loans = pd.DataFrame({"age": [40.0, None, 30.0], "attributes_snapshot_date": [day, None, None]})

    (finding,) = dateless(loans, GROUPS)
    assert finding.subject == "attributes_snapshot_date"
    assert finding.evidence.startswith("1 rows of features without the day")
    assert list(dateless(loans.head(2), GROUPS)) == []


def test_columns_of_no_group_are_told() -> None:
    names = ["loan_id", "age", "attributes_snapshot_date"]

    assert without_day(names, ["loan_id"], GROUPS) == ""
    told = without_day([*names, "bonus", "rank"], ["loan_id"], GROUPS)
    assert (
        told == "; 2 columns of no feature group, so no day says when they were known: bonus, rank"
    )

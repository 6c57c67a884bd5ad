"""The checks by number: each catches the leak that was planted for it, and passes without."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from lakehouse.audit.target import (
    after_application_check,
    shuffled_labels_check,
    split_check,
    too_good_check,
)
from lakehouse.errors import BadInput
from lakehouse.model.features import prepared
from lakehouse.model.split import Part, Parts, Split, divide

LOANS = 600
FEATURES = ["income", "clicks"]


@pytest.fixture
def loans() -> pd.DataFrame:
    """Loans of ten months; income tells a little of the label, clicks nothing."""
    random = np.random.default_rng(5)
    label = random.random(LOANS) < 0.3
    number = np.arange(LOANS)
    frame = pd.DataFrame(
        {
            "loan_id": [f"L{i:04d}" for i in number],
            "customer_id": [f"C{i:04d}" for i in number],
            "application_date": pd.Timestamp("2023-01-01")
            + pd.to_timedelta(number // 60 * 31, "D"),
            "label": label.astype("int64"),
            # Three months after the application, each of 31 days.
            "label_observed": pd.Timestamp("2023-01-01")
            + pd.to_timedelta((number // 60 + 3) * 31, "D"),
            "income": random.normal(size=LOANS) - 0.8 * label,
            "clicks": random.normal(size=LOANS),
        }
    )
    return prepared(frame)


def outcome(loans: pd.DataFrame, noise: float) -> NDArray[np.float64]:
    random = np.random.default_rng(6)
    return np.asarray(loans["label"] + random.normal(scale=noise, size=len(loans)))


# One feature alone


def test_honest_features_pass_and_the_best_is_named(loans: pd.DataFrame) -> None:
    found = too_good_check(loans, FEATURES)
    assert found.passed
    assert "best: income, AUC 0.7" in found.looked_at


@pytest.mark.parametrize("sign", [1, -1])
def test_a_feature_that_knows_the_outcome_is_found_in_either_direction(
    loans: pd.DataFrame, sign: int
) -> None:
    leaking = loans.assign(arrears=sign * outcome(loans, noise=0.3))
    found = too_good_check(leaking, [*FEATURES, "arrears"])
    assert [finding.subject for finding in found.findings] == ["arrears"]


def test_a_feature_that_is_known_of_defaults_alone_is_found(loans: pd.DataFrame) -> None:
    leaking = loans.assign(collection=loans["clicks"].where(loans["label"] == 1))
    found = too_good_check(leaking, [*FEATURES, "collection"])
    assert [finding.subject for finding in found.findings] == ["collection is missing"]


def test_a_text_that_spells_the_outcome_is_found(loans: pd.DataFrame) -> None:
    leaking = loans.assign(status=loans["label"].map({0: "paid", 1: "late"}))
    found = too_good_check(leaking, [*FEATURES, "status"])
    assert [finding.subject for finding in found.findings] == ["status"]


def test_a_feature_of_few_loans_that_has_them_in_order_by_chance_passes_and_is_told(
    loans: pd.DataFrame,
) -> None:
    some = pd.concat([loans[loans["label"] == label].head(3) for label in (0, 1)]).index
    found = too_good_check(
        loans.assign(rare=loans["label"].where(loans.index.isin(some))), ["rare"]
    )
    assert found.passed
    assert found.looked_at.endswith("; 1 with 0.9 or more, of too few loans to tell")
    half = loans.assign(rare=loans["label"].where(loans.index % 2 == 0))
    assert [finding.subject for finding in too_good_check(half, ["rare"]).findings] == ["rare"]


# After the application


def test_features_that_stay_as_they_were_pass(loans: pd.DataFrame) -> None:
    later = loans.assign(income=loans["income"] + 0.1, clicks=loans["clicks"] * 2)
    found = after_application_check(loans, later, FEATURES)
    assert found.passed
    assert found.looked_at == "2 features that loans have before and after it, 600 loans"


def test_a_feature_that_the_outcome_writes_afterwards_is_found(loans: pd.DataFrame) -> None:
    later = loans.assign(clicks=outcome(loans, noise=1.0))
    found = after_application_check(loans, later, FEATURES)
    assert [finding.subject for finding in found.findings] == ["clicks"]


def test_only_loans_with_a_value_on_both_days_are_compared(loans: pd.DataFrame) -> None:
    # The later values of the loans that had none before would show a difference that is not there.
    known = np.arange(LOANS) % 2 == 0
    before = loans.assign(clicks=loans["clicks"].where(known))
    later = loans.assign(clicks=np.where(known, loans["clicks"], outcome(loans, noise=0.1)))
    assert after_application_check(before, later, FEATURES).passed


def test_few_loans_prove_nothing(loans: pd.DataFrame) -> None:
    few = loans.index < 8
    before, later = (
        frame.assign(clicks=frame["clicks"].where(few))
        for frame in (loans, loans.assign(clicks=outcome(loans, noise=1.0)))
    )
    assert after_application_check(before, later, FEATURES).passed


# Shuffled labels


def fitted_on_train(loans: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """An honest model: the direction of income, learned on the earlier loans."""
    train, test = loans[: LOANS // 2], loans[LOANS // 2 :]
    direction = np.sign(np.corrcoef(train["income"], train["label"])[0, 1])
    return test["label"].to_numpy(), direction * test["income"].to_numpy()


def encoded_on_all(loans: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """A leaking model: the default rate of a fine group, learned on the test loans too."""
    rate = loans["label"].groupby(loans["clicks"].rank() // 3).transform("mean")
    test = loans.index >= LOANS // 2
    return loans["label"][test].to_numpy(), rate[test].to_numpy()


def test_a_model_fitted_on_earlier_loans_is_at_chance_on_shuffled_labels(
    loans: pd.DataFrame,
) -> None:
    assert shuffled_labels_check(loans, fitted_on_train).passed


def test_a_model_that_has_seen_the_test_labels_is_found(loans: pd.DataFrame) -> None:
    (finding,) = shuffled_labels_check(loans, encoded_on_all).findings
    assert "has seen labels of the loans it is tested on" in finding.evidence


def test_the_labels_it_deals_out_are_the_same_labels_in_another_order(loans: pd.DataFrame) -> None:
    dealt = []

    def scorer(frame: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        dealt.append(frame["label"])
        return fitted_on_train(frame)

    shuffled_labels_check(loans, scorer)
    assert all(labels.sum() == loans["label"].sum() for labels in dealt)
    assert all(not labels.equals(loans["label"]) for labels in dealt)


def test_a_deal_that_leaves_a_part_without_defaults_is_dealt_again(loans: pd.DataFrame) -> None:
    asked = []

    def scorer(frame: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        asked.append(frame)
        if len(asked) % 3 == 0:
            raise BadInput("validation has 20 loans, 0 of them defaults")
        return fitted_on_train(frame)

    assert shuffled_labels_check(loans, scorer).looked_at.startswith("5 shuffles")
    assert len(asked) == 7


def test_labels_of_which_no_deal_can_be_split_are_refused(loans: pd.DataFrame) -> None:
    def scorer(frame: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        raise BadInput("too few")

    with pytest.raises(BadInput, match="too few"):
        shuffled_labels_check(loans, scorer)


# The split


def test_a_split_by_month_passes(loans: pd.DataFrame) -> None:
    found = split_check(divide(loans, Split()), repeat_customers=False)
    assert found.passed
    assert found.looked_at.startswith("train 360 loans, validation 60 loans, test 180 loans")
    assert found.looked_at.endswith("learned from 180 before validation, 240 before test")


def test_labels_that_nobody_knew_yet_are_found(loans: pd.DataFrame) -> None:
    """The label of the fourth month is observed on the first day of validation, which is the seventh."""
    parts = divide(loans, Split(labels_known=False))
    found = {each.subject: each.evidence for each in split_check(parts, False).findings}
    assert found == {
        "train and validation": "180 of 360 labels of train were observed on 2023-07-06, the first "
        "day of validation, or later: nobody knew them yet",
        "train and test": "120 of 360 labels of train were observed on 2023-08-06, the first day of "
        "test, or later: nobody knew them yet",
    }
    known = loans["label_observed"] < parts.validation.first_day
    train = replace(parts.train, loans=loans[known])
    assert split_check(replace(parts, train=train), False).passed


def with_a_customer_on_both_sides(loans: pd.DataFrame) -> Parts:
    loans = loans.copy()
    loans.loc[LOANS - 1, "customer_id"] = loans.loc[0, "customer_id"]
    return divide(loans, Split(repeat_customers=True))


def test_a_customer_on_both_sides_is_found_unless_declared(loans: pd.DataFrame) -> None:
    parts = with_a_customer_on_both_sides(loans)
    (finding,) = split_check(parts, repeat_customers=False).findings
    assert (finding.subject, finding.evidence) == ("test and train", "1 customers are in both")
    assert split_check(parts, repeat_customers=True).passed


def test_parts_that_overlap_in_time_are_found(loans: pd.DataFrame) -> None:
    parts = divide(loans, Split())
    mixed = loans.sample(frac=1, random_state=1)
    train, validation = mixed[:300], mixed[300:420]
    shuffled = Parts(
        Part("train", parts.train.months, train, 0),
        Part("validation", parts.validation.months, validation, 0),
        parts.test,
    )
    found = split_check(shuffled, True).findings
    subjects = {each.subject for each in found if "application" in each.evidence}
    assert subjects == {"train and validation", "validation and test"}

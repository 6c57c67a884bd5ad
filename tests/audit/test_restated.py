"""Restated features: corrections that know the outcome are found, and clean twins of them pass."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lakehouse.audit.earlier import as_known_then, as_release_before
from lakehouse.audit.finding import Check
from lakehouse.audit.restated import Earlier, restatement_check
from lakehouse.generate import generate
from lakehouse.model.features import prepared
from lakehouse.releases import published
from lakehouse.training.point_in_time import JoinedGroup
from lakehouse.training.sets import Asked, prepare
from tests.audit.planted import labelled_loans
from tests.bank import LOANS as LOAN_FILE
from tests.bank import PERSONS, Bank
from tests.narrow import narrow

pytestmark = [pytest.mark.slow, pytest.mark.each]

LOANS, THROUGH = 1200, "2023-06"
GROUP = JoinedGroup("x", "gold.features_x", ("x0", "x1", "x2"), 3, 0)
AS_OF = GROUP.date_column


@pytest.fixture
def loans() -> pd.DataFrame:
    """Each loan uses a row of the month of its application."""
    made = labelled_loans(LOANS)
    return made.assign(**{AS_OF: made["application_date"]})


def known_before(loans: pd.DataFrame, through: str = THROUGH) -> Earlier:
    """The loans as a release of that month knew them."""
    return Earlier("then", loans, pd.Series(through, index=loans.index), (GROUP,))


def some(loans: pd.DataFrame, share: float, of: int | None = None) -> pd.Series:
    """Some of the loans whose month was known before, of one outcome or of both."""
    drawn = np.random.default_rng(4).random(LOANS) < share
    early = loans["application_date"] < "2023-07-01"
    return pd.Series(drawn) & early & ((loans["label"] == of) if of is not None else True)


def check(now: pd.DataFrame, before: pd.DataFrame, through: str = THROUGH) -> Check:
    return restatement_check("known then", now, known_before(before, through))


def named(now: pd.DataFrame, before: pd.DataFrame) -> list[str]:
    return [each.subject for each in check(now, before).findings]


def test_features_that_nobody_corrected_pass(loans: pd.DataFrame) -> None:
    passed = check(loans, loans)

    assert passed.passed
    assert passed.looked_at == "1,200 of 1,200 loans, as known then; 0 features or absences differ"


def test_values_corrected_with_the_outcome_in_view_are_found(loans: pd.DataFrame) -> None:
    corrected = some(loans, 0.5, of=1)
    now = loans.assign(x1=loans["x1"].mask(corrected, loans["x1"] + 3))

    (found,) = check(now, loans).findings

    assert found.subject == "x1"
    assert found.evidence.endswith(f"; {corrected.sum():,} loans differ")


def test_values_corrected_whatever_the_outcome_pass(loans: pd.DataFrame) -> None:
    now = loans.assign(x1=loans["x1"].mask(some(loans, 0.5), loans["x1"] + 3))

    assert named(now, loans) == []


def test_rows_deleted_with_the_outcome_in_view_are_found(loans: pd.DataFrame) -> None:
    gone = some(loans, 0.5, of=1)

    assert named(loans.mask(gone, loans.assign(x0=np.nan, x1=np.nan, x2=np.nan)), loans) == [
        "x0 is missing"
    ]


def test_a_newer_row_is_not_a_correction(loans: pd.DataFrame) -> None:
    """Later months had not been delivered then, so an older row was used."""
    later = loans["application_date"] > "2023-07-01"
    told = loans["label"] + np.random.default_rng(1).normal(size=LOANS)

    assert named(loans.assign(x1=loans["x1"].mask(later, told)), loans) == []


def test_a_feature_that_did_not_exist_then_is_not_a_correction(loans: pd.DataFrame) -> None:
    gaps = loans.assign(x2=loans["x2"].mask(some(loans, 0.5, of=1)))

    assert named(gaps, loans.assign(x2=np.nan)) == []


def test_corrections_of_a_few_loans_prove_nothing_and_the_check_says_so(
    loans: pd.DataFrame,
) -> None:
    six = loans.index.isin(loans.index[some(loans, 1.0, of=1)][:6])

    checked = check(loans.assign(x1=loans["x1"].mask(six, 9.0)), loans)

    assert checked.passed
    assert checked.looked_at.endswith("; 1 features or absences differ, 1 for too few loans")


def test_without_an_earlier_release_the_check_says_why(loans: pd.DataFrame) -> None:
    assert restatement_check("release before", loans, "none is kept").looked_at == (
        "nothing: none is kept"
    )


@pytest.mark.slow
def test_chance_makes_a_finding_in_hardly_any_release() -> None:
    random = np.random.default_rng(8)
    group = JoinedGroup("x", "gold.features_x", tuple(f"x{n}" for n in range(100)), 3, 0)
    alarms = 0
    for _ in range(40):
        loans = labelled_loans(1200, 100, random)
        loans = loans.assign(**{AS_OF: loans["application_date"]})
        corrected = {
            name: loans[name].mask(random.random(1200) < random.random(), random.normal(size=1200))
            for name in group.features[1:]
        }
        earlier = Earlier("then", loans, pd.Series("2024-01", index=loans.index), (group,))
        alarms += not restatement_check("known then", loans.assign(**corrected), earlier).passed
    assert alarms <= 1


# From releases


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """Up to April, then all with the ages of half of the defaulters corrected."""
    bank = Bank(tmp_path_factory.mktemp("restated"))
    generate(bank.data, customers=600, months=4, seed=3)
    bank.run(through="2023-04", catalog=narrow())
    loans = pd.read_csv(bank.data / LOAN_FILE)
    late = loans[(loans.installment_num == 6) & (loans.overdue_amt > 0)].Customer_ID
    bank.change(PERSONS, aged(80, set(late)))
    bank.run(catalog=narrow())
    return bank


def aged(age: int, customers: set[str]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda persons: persons.assign(
        Age=persons.Age.mask(persons.Customer_ID.isin(customers), str(age))
    )


@pytest.mark.slow
def test_attributes_corrected_after_the_outcome_are_found_from_the_releases(bank: Bank) -> None:
    store = bank.store_of(narrow())
    newest = published.newest(bank.log)
    training_set = prepare(store, newest, Asked())
    now = prepared(training_set.frame.toPandas())

    for earlier, known in (
        (as_known_then(store, newest), "then"),
        (as_release_before(store, newest, training_set), "by release 1"),
    ):
        assert isinstance(earlier, Earlier)
        found = {each.subject: each.evidence for each in _findings(now, earlier)}
        assert "age" in found
        assert set(found) <= {"age", "age_decade"}
        assert f"as known {known}: " in found["age"]


def _findings(now: pd.DataFrame, earlier: Earlier) -> tuple[object, ...]:
    return restatement_check("restated", now, earlier).findings


def test_the_first_release_has_nothing_to_compare_with(bank: Bank, tmp_path: Path) -> None:
    store, first = bank.store_of(narrow()), published.release(bank.log, 1)

    assert as_release_before(store, first, prepare(store, first, Asked())) == (
        "no release before it is kept"
    )

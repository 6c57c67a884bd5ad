"""Sources that come later than their group declares are found; late rows and new sources pass."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lakehouse.audit.delays import with_delays
from lakehouse.audit.earlier import as_known_then
from lakehouse.audit.finding import Check, Finding
from lakehouse.audit.restated import Earlier
from lakehouse.generate import generate
from lakehouse.model.features import prepared
from lakehouse.releases import published
from lakehouse.training.point_in_time import JoinedGroup
from lakehouse.training.sets import Asked, prepare
from tests.audit.planted import labelled_loans
from tests.bank import Bank
from tests.narrow import narrow

LOANS = 1200
GROUP = JoinedGroup("x", "gold.features_x", ("x0", "x1", "x2"), 3, 0)
AS_OF = GROUP.date_column
KNOWN_THEN = Check("known then", "Nothing.", "all loans", (Finding("age", "It rose."),))


@pytest.fixture
def loans() -> pd.DataFrame:
    """Each loan uses a row of the day of its application."""
    made = labelled_loans(LOANS)
    return made.assign(**{AS_OF: made["application_date"]})


def month(loans: pd.DataFrame) -> pd.Series:
    return loans["application_date"].dt.strftime("%Y-%m")


def check(now: pd.DataFrame, lacked: pd.Series, had: pd.Series | None = None) -> Check:
    """The check, if some of the loans used another row then: one of the month before, or none."""
    older = np.where(np.arange(LOANS) % 2, now[AS_OF] - pd.DateOffset(months=1), pd.NaT)
    then = now.assign(**{AS_OF: now[AS_OF].mask(lacked, pd.to_datetime(older))})
    told = {} if had is None else {GROUP.name: had}
    return with_delays(KNOWN_THEN, now, Earlier("then", then, month(now), (GROUP,), told))


def late_in(check: Check) -> list[Finding]:
    return [each for each in check.findings if each not in KNOWN_THEN.findings]


def test_rows_that_came_in_their_month_pass(loans: pd.DataFrame) -> None:
    passed = check(loans, loans["label"] == 7)

    assert late_in(passed) == []
    assert passed.looked_at == "all loans; rows that came later, in the newest 3 months: x 0%"
    assert passed.findings == KNOWN_THEN.findings


def test_rows_that_always_came_later_are_found(loans: pd.DataFrame) -> None:
    (found,) = late_in(check(loans, loans["label"] < 7))

    assert found.subject == GROUP.table
    assert found.evidence.startswith(
        "300 of 300 applications of 2023-10 to 2023-12 use a row that the release of their month did not"
    )


def test_rows_that_came_late_for_some_loans_pass(loans: pd.DataFrame) -> None:
    some = check(loans, loans.index % 10 == 0)

    assert late_in(some) == [] and some.looked_at.endswith(": x 10%")


def test_a_source_that_began_late_and_brought_its_past_passes(loans: pd.DataFrame) -> None:
    assert late_in(check(loans, month(loans) < "2023-10")) == []


def test_a_group_that_no_release_had_yet_was_not_late(loans: pd.DataFrame) -> None:
    every = loans["label"] < 7

    new = check(loans, every, had=month(loans) > "2023-12")

    assert late_in(new) == [] and new.looked_at == KNOWN_THEN.looked_at
    assert late_in(check(loans, every, had=every))


def test_few_late_rows_prove_nothing(loans: pd.DataFrame) -> None:
    few = loans.assign(**{AS_OF: loans[AS_OF].where(loans.index % 150 == 0)})

    assert late_in(check(few, loans["label"] < 7)) == []


def test_without_releases_of_their_months_nothing_is_added(loans: pd.DataFrame) -> None:
    assert with_delays(KNOWN_THEN, loans, "there are none") == KNOWN_THEN


# From releases


FINANCIALS = "features_financials.csv"


def of_bank(bank: Bank, months_late: int) -> Check:
    """The check of a bank that was built month by month, its financials so many months later."""
    generate(bank.data, customers=90, months=4, seed=3)
    whole = pd.read_csv(bank.data / FINANCIALS, dtype=str, keep_default_na=False)
    months = sorted(whole.snapshot_date.str[:7].unique())
    for place, through in enumerate(months):
        last = months[max(place - months_late, 0)]
        bank.change(FINANCIALS, lambda _, last=last: whole[whole.snapshot_date.str[:7] <= last])
        bank.run(through=through, catalog=narrow())
    bank.change(FINANCIALS, lambda _: whole)
    bank.run(catalog=narrow())
    store, newest = bank.store_of(narrow()), published.newest(bank.log)
    now = prepared(prepare(store, newest, Asked()).frame.toPandas())
    return with_delays(KNOWN_THEN, now, as_known_then(store, newest))


@pytest.mark.slow
@pytest.mark.parametrize("months_late", [0, 1])
def test_a_source_that_comes_a_month_late_is_found_from_the_releases(
    bank_at: Bank, months_late: int
) -> None:
    found = {each.subject for each in late_in(of_bank(bank_at, months_late))}

    assert found == ({"gold.features_financials"} if months_late else set())


@pytest.fixture
def bank_at(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return Bank(tmp_path_factory.mktemp("late"))

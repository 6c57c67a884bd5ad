"""Small training sets with a known signal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from lakehouse.catalog import load
from lakehouse.model.assessment import Assessment
from lakehouse.model.features import declared_groups
from lakehouse.model.sanity import assess
from lakehouse.model.scored import Bootstrap

TrainingSet = Callable[..., pd.DataFrame]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """As the sanity check does it: threads that wait for each other are slower than one."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="session")
def training_set() -> TrainingSet:
    """A training set of some months; `risk` tells of default as much as `signal` says.

    A label is observed some days after the first of the month, on which each loan is applied for.
    """

    def make(
        months: int = 6, a_month: int = 100, signal: float = 2.0, days_to_label: int = 27
    ) -> pd.DataFrame:
        random = np.random.default_rng(5)
        loans = months * a_month
        risk = random.normal(size=loans)
        chance = 1 / (1 + np.exp(1.0 - signal * risk))
        days = pd.date_range("2024-01-01", periods=months, freq="MS").repeat(a_month)
        return pd.DataFrame(
            {
                "loan_id": [f"L{i:05d}" for i in range(loans)],
                "customer_id": [f"C{i:05d}" for i in range(loans)],
                "application_date": days.date,
                "label": (random.random(loans) < chance).astype("int32"),
                "label_def": "30dpd_6mob",
                "label_observed": (days + pd.Timedelta(days_to_label, "D")).date,
                "risk": np.where(random.random(loans) < 0.1, np.nan, risk),
                "noise": random.normal(size=loans),
                "occupation": random.choice(["Baker", "Lawyer", "Pilot"], loans),
                "financials_snapshot_date": days.date,
                "attributes_snapshot_date": days.date,
            }
        )

    return make


@pytest.fixture(scope="session")
def assessed(training_set: TrainingSet) -> Callable[..., Assessment]:
    """The assessment of a training set, with few draws to be quick."""

    def call(frame: pd.DataFrame | None = None, **given: Any) -> Assessment:
        frame = training_set() if frame is None else frame
        facts = {"training_set_id": "ts-1", "release": 3}
        given = {"declared": declared_groups(load()), **given}
        return assess(frame, facts, bootstrap=Bootstrap(draws=100), **given)

    return call


@pytest.fixture(scope="session")
def assessment(assessed: Callable[..., Assessment]) -> Assessment:
    """The assessment of the training set as it stands."""
    return assessed()

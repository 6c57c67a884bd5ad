"""The metrics of a fitted model or baseline: on all of test, and on each month after train."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from lakehouse.model.metrics import Metrics, Numbers, Resampling, measure, resampling
from lakehouse.model.recalibration import Recalibration, recalibrated
from lakehouse.model.split import Part, Parts, month_of
from lakehouse.training_columns import CUSTOMER, LABEL


@dataclass(frozen=True)
class MonthMetrics:
    """The metrics of the applications of one month, and the part that the month belongs to."""

    month: str
    part: str
    metrics: Metrics


@dataclass(frozen=True)
class Scored:
    """A model, its chosen setting, its metrics, and its scores and recalibration on test."""

    name: str
    setting: str
    test: Metrics
    by_month: tuple[MonthMetrics, ...]
    scores: Numbers
    recalibration: Recalibration

    @property
    def title(self) -> str:
        """The name of the model in a sentence."""
        return f"{self.name} ({self.setting})" if self.setting else self.name


@dataclass(frozen=True)
class Bootstrap:
    """The number of draws behind an interval, and their seed."""

    draws: int = 1000
    seed: int = 0

    def of(self, loans: pd.DataFrame) -> Resampling:
        return resampling(loans[CUSTOMER], self.draws, self.seed)


def scored(
    name: str, setting: str, parts: Parts, scores: dict[str, Numbers], bootstrap: Bootstrap
) -> Scored:
    """The metrics of a model from its scores on validation and test."""
    later = (parts.validation, parts.test)
    by_month = [m for part in later for m in _by_month(part, scores[part.name], bootstrap)]
    test = _measured(parts.test.loans, scores["test"], bootstrap)
    again = recalibrated(
        parts.test.labels.to_numpy("float64"), scores["test"], bootstrap.of(parts.test.loans)
    )
    return Scored(name, setting, test, tuple(by_month), scores["test"], again)


def _by_month(part: Part, scores: Numbers, bootstrap: Bootstrap) -> Iterator[MonthMetrics]:
    application_months = month_of(part.loans)
    for month in part.months:
        applied = (application_months == month).to_numpy()
        if applied.any():
            metrics = _measured(part.loans[applied], scores[applied], bootstrap)
            yield MonthMetrics(month, part.name, metrics)


def _measured(loans: pd.DataFrame, scores: Numbers, bootstrap: Bootstrap) -> Metrics:
    return measure(loans[LABEL].to_numpy("float64"), scores, bootstrap.of(loans))

"""A fitted model or baseline, scored: on all of test, and on each month after train."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from lakehouse.model.metrics import Metrics, Numbers, Resampling, measure, resampling
from lakehouse.model.split import Part, Parts, month_of


@dataclass(frozen=True)
class MonthMetrics:
    """The metrics of the applications of one month, and the part that it is of."""

    month: str
    part: str
    metrics: Metrics


@dataclass(frozen=True)
class Scored:
    """A model, with the setting that was chosen for it, and its metrics; `scores` are those of test."""

    name: str
    setting: str
    test: Metrics
    by_month: tuple[MonthMetrics, ...]
    scores: Numbers

    @property
    def title(self) -> str:
        """What it is called in a sentence."""
        return f"{self.name} ({self.setting})" if self.setting else self.name


@dataclass(frozen=True)
class Bootstrap:
    """How many draws an interval rests on, and their seed."""

    draws: int = 1000
    seed: int = 0

    def of(self, loans: pd.DataFrame) -> Resampling:
        return resampling(loans["customer_id"], self.draws, self.seed)


def scored(
    name: str, setting: str, parts: Parts, scores: dict[str, Numbers], bootstrap: Bootstrap
) -> Scored:
    """The metrics of a model by its scores of validation and test."""
    later = (parts.validation, parts.test)
    months = [each for part in later for each in _months(part, scores[part.name], bootstrap)]
    test = _measured(parts.test.loans, scores["test"], bootstrap)
    return Scored(name, setting, test, tuple(months), scores["test"])


def _months(part: Part, scores: Numbers, bootstrap: Bootstrap) -> Iterator[MonthMetrics]:
    month = month_of(part.loans)
    for each in part.months:
        rows = (month == each).to_numpy()
        if rows.any():
            yield MonthMetrics(
                each, part.name, _measured(part.loans[rows], scores[rows], bootstrap)
            )


def _measured(loans: pd.DataFrame, scores: Numbers, bootstrap: Bootstrap) -> Metrics:
    return measure(loans["label"].to_numpy("float64"), scores, bootstrap.of(loans))

"""Deployment, simulated month by month: each month's model has learned only from labels known by then.

Settings are fixed beforehand, because to choose them on later labels would look ahead as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lakehouse.model.features import Features
from lakehouse.model.metrics import Estimate, Numbers, auc_of
from lakehouse.model.pipelines import BOOSTING, LOGISTIC, PipelineFactory, boosting, logistic
from lakehouse.model.scored import Bootstrap
from lakehouse.model.split import month_of
from lakehouse.progress import Steps
from lakehouse.training_columns import CUSTOMER, LABEL, LABEL_OBSERVED

# With fewer defaults, or fewer repaid loans, an AUC is hardly more than chance.
FEWEST_EVENTS = 10
MODELS: Mapping[str, PipelineFactory] = {BOOSTING: boosting, LOGISTIC: logistic}


@dataclass(frozen=True)
class ModelAuc:
    """The AUC of a model on the applications of a month."""

    model: str
    auc: Estimate


@dataclass(frozen=True)
class RollingMonth:
    """A month of applications: the loans learned from at its start, and the AUC of each model on it.

    Without enough events there are no `aucs`, and `too_few` says why.
    """

    month: str
    trained_on: int
    defaults_trained_on: int
    scored: int
    defaults: int
    aucs: tuple[ModelAuc, ...]
    too_few: str


@dataclass(frozen=True)
class Rolling:
    """Every month of applications in order, and the AUC of each model on the scored months together."""

    models: tuple[str, ...]
    months: tuple[RollingMonth, ...]
    together: tuple[ModelAuc, ...]

    @property
    def scored(self) -> tuple[RollingMonth, ...]:
        """The months that have an AUC."""
        return tuple(month for month in self.months if month.aucs)


def roll(
    loans: pd.DataFrame,
    features: Features,
    repeat_customers: bool,
    bootstrap: Bootstrap,
    steps: Steps,
) -> Rolling:
    """Train and score a model for each month of application of a prepared training set."""
    months, scored = [], []
    applied = month_of(loans)
    for month in sorted(applied.unique()):
        steps.begin("model", f"as if deployed in {month}")
        now = loans[applied == month]
        train = _known(loans, now, pd.Timestamp(f"{month}-01"), repeat_customers)
        too_few = _too_few(train, now)
        scores = {} if too_few else _scores(train, now, features)
        sizes = (len(train), int(train[LABEL].sum()), len(now), int(now[LABEL].sum()))
        months.append(RollingMonth(month, *sizes, _aucs(now, scores, bootstrap), too_few))
        if scores:
            scored.append(now.assign(**scores))
    return Rolling(tuple(MODELS), tuple(months), _together(scored, bootstrap))


def _known(
    loans: pd.DataFrame, now: pd.DataFrame, start: pd.Timestamp, repeat_customers: bool
) -> pd.DataFrame:
    """The loans whose label was observed before the start of a month, without customers of the month."""
    known = loans[loans[LABEL_OBSERVED] < start]
    return known if repeat_customers else known[~known[CUSTOMER].isin(now[CUSTOMER])]


def _too_few(train: pd.DataFrame, now: pd.DataFrame) -> str:
    """Why there is no AUC; empty if there are enough loans of both outcomes."""
    for loans, where in ((train, "known by then"), (now, "in this month")):
        for outcome, name in ((1, "defaults"), (0, "repaid loans")):
            n = int((loans[LABEL] == outcome).sum())
            if n < FEWEST_EVENTS:
                return f"{n} {name} {where}"
    return ""


def _scores(train: pd.DataFrame, now: pd.DataFrame, features: Features) -> dict[str, Numbers]:
    fitted = {name: make(features).fit(train, train[LABEL]) for name, make in MODELS.items()}
    return {name: np.asarray(model.predict_proba(now)[:, 1]) for name, model in fitted.items()}


def _aucs(
    loans: pd.DataFrame, scores: Mapping[str, NDArray[np.float64]], bootstrap: Bootstrap
) -> tuple[ModelAuc, ...]:
    labels = loans[LABEL].to_numpy("float64")
    return tuple(
        ModelAuc(name, auc_of(labels, values, bootstrap.of(loans)))
        for name, values in scores.items()
    )


def _together(scored: Sequence[pd.DataFrame], bootstrap: Bootstrap) -> tuple[ModelAuc, ...]:
    if not scored:
        return ()
    loans = pd.concat(scored)
    return _aucs(loans, {name: loans[name].to_numpy() for name in MODELS}, bootstrap)

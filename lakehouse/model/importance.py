"""Importance of features: the AUC lost on test by permutation, and the logistic coefficients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from lakehouse.model.features import Features
from lakehouse.model.metrics import Numbers
from lakehouse.model.single_feature import auc_of_columns
from lakehouse.model.split import Part
from lakehouse.training_columns import LABEL

PERMUTATIONS = 5
MAX_LOANS = 500  # test loans that are permuted; this bounds the time


@dataclass(frozen=True)
class Importance:
    """The AUC that is lost when a feature, or a whole group, is permuted: mean and standard deviation."""

    name: str
    group: str
    auc_lost: float
    spread: float


@dataclass(frozen=True)
class Coefficient:
    """The change of the log-odds of default per standard deviation of a column."""

    name: str
    log_odds: float


@dataclass(frozen=True)
class Permuted:
    """Permutation importance on test of each feature and of each group; the largest first."""

    features: tuple[Importance, ...]
    groups: tuple[Importance, ...]


def permuted(
    boosting: Pipeline, test: Part, features: Features, groups: Mapping[str, str], seed: int
) -> Permuted:
    """The AUC that the boosting model loses without each feature, and without each group of `groups`."""
    loans = test.loans.sample(min(MAX_LOANS, len(test.loans)), random_state=seed)
    # The prepared numbers are permuted, so that they are prepared only once.
    values = pd.DataFrame(boosting[:-1].transform(loans), columns=list(features.names))
    defaulted = loans[LABEL].to_numpy() == 1

    def importance(name: str, columns: list[str]) -> Importance:
        lost = _auc_lost(boosting[-1], values, defaulted, columns, np.random.default_rng(seed))
        return Importance(name, groups[columns[0]], float(lost.mean()), float(lost.std()))

    by_group = {g: [n for n in features.names if groups[n] == g] for g in groups.values()}
    return Permuted(
        _largest_first(importance(name, [name]) for name in features.names),
        _largest_first(importance(group, columns) for group, columns in by_group.items()),
    )


def _auc_lost(
    model: Any,
    values: pd.DataFrame,
    defaulted: NDArray[np.bool_],
    columns: list[str],
    generator: np.random.Generator,
) -> Numbers:
    """The AUC lost by each of several permutations; all columns are permuted together."""
    if (values[columns].nunique(dropna=False) == 1).all():
        return np.zeros(PERMUTATIONS)
    copies = [values] + [_mixed(values, columns, generator) for _ in range(PERMUTATIONS)]
    # One call for all copies, because a call costs more than its rows.
    scores = model.predict_proba(np.concatenate(copies))[:, 1].reshape(len(copies), -1)
    aucs = auc_of_columns(pd.DataFrame(scores.T), defaulted).to_numpy()
    return np.asarray(aucs[0] - aucs[1:])


def _mixed(
    values: pd.DataFrame, columns: list[str], generator: np.random.Generator
) -> pd.DataFrame:
    order = generator.permutation(len(values))
    return values.assign(**{name: values[name].to_numpy()[order] for name in columns})


def _largest_first(importances: Iterable[Importance]) -> tuple[Importance, ...]:
    return tuple(sorted(importances, key=lambda i: (-i.auc_lost, i.name)))


def coefficients(logistic: Pipeline) -> tuple[Coefficient, ...]:
    """The coefficients of a logistic pipeline, the largest first."""
    names = (_spelt(name) for name in logistic[:-1].get_feature_names_out())
    log_odds_by_name = zip(names, logistic[-1].coef_[0], strict=True)
    return tuple(
        sorted(
            (Coefficient(name, float(value)) for name, value in log_odds_by_name),
            key=lambda c: (-abs(c.log_odds), c.name),
        )
    )


def _spelt(column: str) -> str:
    indicated = column.removeprefix("missingindicator_")
    return column if indicated == column else f"{indicated} is missing"

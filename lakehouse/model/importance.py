"""What the models lean on: AUC lost on test by permutation, and the coefficients of the logistic one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from lakehouse.model.features import LABEL, Features
from lakehouse.model.metrics import Numbers
from lakehouse.model.single_feature import auc_of_columns
from lakehouse.model.split import Part

PERMUTATIONS = 5
MAX_LOANS = 500  # of test that are permuted, which bounds the time


@dataclass(frozen=True)
class Importance:
    """The AUC that is lost when a feature, or all of a group, is permuted: mean and spread."""

    name: str
    group: str
    auc_lost: float
    spread: float


@dataclass(frozen=True)
class Coefficient:
    """The change of the log-odds of default by one standard deviation of a column."""

    name: str
    log_odds: float


@dataclass(frozen=True)
class Permuted:
    """Permutation importance on test, the largest first: of each feature, and of each whole group."""

    features: tuple[Importance, ...]
    groups: tuple[Importance, ...]


def permuted(
    boosting: Pipeline, test: Part, features: Features, groups: Mapping[str, str], seed: int
) -> Permuted:
    """The AUC that the boosting model loses without each feature, and without each group of `groups`."""
    loans = test.loans.sample(min(MAX_LOANS, len(test.loans)), random_state=seed)
    # Permuting prepared numbers spares preparing them again each time.
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
    """The AUC lost by each of several permutations of the columns, moved together."""
    if (values[columns].nunique(dropna=False) == 1).all():
        return np.zeros(PERMUTATIONS)
    copies = [values] + [_mixed(values, columns, generator) for _ in range(PERMUTATIONS)]
    # One call for all copies: a call costs more than its rows.
    scores = model.predict_proba(np.concatenate(copies))[:, 1].reshape(len(copies), -1)
    aucs = auc_of_columns(pd.DataFrame(scores.T), defaulted).to_numpy()
    return np.asarray(aucs[0] - aucs[1:])


def _mixed(
    values: pd.DataFrame, columns: list[str], generator: np.random.Generator
) -> pd.DataFrame:
    order = generator.permutation(len(values))
    return values.assign(**{name: values[name].to_numpy()[order] for name in columns})


def _largest_first(found: Iterable[Importance]) -> tuple[Importance, ...]:
    return tuple(sorted(found, key=lambda each: (-each.auc_lost, each.name)))


def coefficients(logistic: Pipeline) -> tuple[Coefficient, ...]:
    """The coefficients of a logistic pipeline, the largest first."""
    names = (_spelt(name) for name in logistic[:-1].get_feature_names_out())
    found = zip(names, logistic[-1].coef_[0], strict=True)
    return tuple(
        sorted(
            (Coefficient(name, float(value)) for name, value in found),
            key=lambda each: (-abs(each.log_odds), each.name),
        )
    )


def _spelt(column: str) -> str:
    indicated = column.removeprefix("missingindicator_")
    return column if indicated == column else f"{indicated} is missing"

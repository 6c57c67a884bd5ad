"""The shift of each feature from train to test: the population stability index (PSI)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lakehouse.model.features import Features
from lakehouse.model.split import Parts

MODERATE, LARGE = 0.1, 0.25  # the usual marks of credit scoring
_BINS = 10
_FLOOR = 1e-4  # the least share of a bin, so that an empty bin has a logarithm


@dataclass(frozen=True)
class Shift:
    """The PSI of one feature, and the share of loans for which it is missing."""

    name: str
    group: str
    psi: float
    missing_in_train: float
    missing_in_test: float

    @property
    def mark(self) -> str:
        return mark(self.psi)

    @property
    def only_in_train(self) -> bool:
        """Whether it is known for some loans of train, and for none of test."""
        return self.missing_in_test == 1 and self.missing_in_train < 1


def mark(psi_value: float) -> str:
    """The size of a PSI in a word."""
    if psi_value < MODERATE:
        return "stable"
    return "moderate" if psi_value < LARGE else "large"


def shifts(parts: Parts, features: Features, groups: Mapping[str, str]) -> tuple[Shift, ...]:
    """Each feature's shift from train to test, the largest first."""
    unordered = (
        _shift(parts.train.loans[name], parts.test.loans[name], groups[name])
        for name in features.names
    )
    return tuple(sorted(unordered, key=lambda shift: (-shift.psi, shift.name)))


def _shift(train: pd.Series, test: pd.Series, group: str) -> Shift:
    missing = float(train.isna().mean()), float(test.isna().mean())
    return Shift(str(train.name), group, psi(train, test), *missing)


def psi(train: pd.Series, test: pd.Series) -> float:
    """The PSI over tenths of train, or over its texts; missing values are a separate bin."""
    expected, actual = (_shares(values, train) for values in (train, test))
    bins = expected.index.union(actual.index)
    e, a = (s.reindex(bins, fill_value=0.0).clip(lower=_FLOOR) for s in (expected, actual))
    return float(((a - e) * np.log(a / e)).sum())


def _shares(values: pd.Series, train: pd.Series) -> pd.Series:
    return _binned(values, train).value_counts(normalize=True)


def _binned(values: pd.Series, train: pd.Series) -> pd.Series:
    """The bin of each value as text; all texts that train does not have share one bin."""
    if values.dtype == object:
        return values.where(values.isin(train) | values.isna(), "(new)").fillna("(missing)")
    tenths = pd.Series(np.searchsorted(edges(train), values), index=values.index).astype(str)
    return tenths.where(values.notna(), "(missing)")


def edges(train: pd.Series) -> NDArray[np.float64]:
    """The upper ends of the bins; a value that a tenth of train has is a separate bin."""
    edges, times = np.unique(
        train.quantile(np.arange(1, _BINS) / _BINS).dropna(), return_counts=True
    )
    return np.union1d(edges, np.nextafter(edges[times > 1], -np.inf))


def expected_by_chance(train: int, test: int) -> float:
    """The mean PSI of a feature that did not shift, for these numbers of loans."""
    return (_BINS - 1) * (1 / train + 1 / test)

"""The stability of the score: the PSI of its tenths of train in the later parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lakehouse.model.metrics import Numbers
from lakehouse.model.shift import edges, expected_by_chance, mark, psi


@dataclass(frozen=True)
class ScoreBin:
    """The scores above `above` up to `up_to`, and the share of the loans of each part that has them."""

    above: float
    up_to: float
    train: float
    validation: float
    test: float


@dataclass(frozen=True)
class PartPsi:
    """The PSI of the score from train to a later part, and what chance gives on average."""

    part: str
    psi: float
    by_chance: float

    @property
    def mark(self) -> str:
        return mark(self.psi)


@dataclass(frozen=True)
class ScoreStability:
    """The tenths of the score on train, and the PSI of each later part against it.

    All scores are of the model that scores test. Those of train are of loans it has learned from.
    """

    bins: tuple[ScoreBin, ...]
    parts: tuple[PartPsi, ...]


def stability(train: Numbers, validation: Numbers, test: Numbers) -> ScoreStability:
    """The stability of the scores of the three parts."""
    bounds = edges(pd.Series(train))
    ends = [0.0, *bounds, 1.0]
    shares = [_shares(scores, bounds) for scores in (train, validation, test)]
    columns = zip(ends[:-1], ends[1:], *shares, strict=True)
    return ScoreStability(
        tuple(ScoreBin(*map(float, column)) for column in columns),
        tuple(
            PartPsi(
                name,
                psi(pd.Series(train), pd.Series(scores)),
                expected_by_chance(len(train), len(scores)),
            )
            for name, scores in (("validation", validation), ("test", test))
        ),
    )


def _shares(scores: Numbers, bounds: Numbers) -> Numbers:
    places = np.searchsorted(bounds, scores)
    return np.bincount(places, minlength=len(bounds) + 1) / len(scores)

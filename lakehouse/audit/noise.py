"""Noise: how far chance goes when many features are compared."""

from __future__ import annotations

from statistics import NormalDist

import pandas as pd

# In one clean release of a hundred, chance makes a finding in one check.
BY_CHANCE = 0.01


def beyond_noise(compared: int) -> float:
    """The standard errors that chance reaches in one of so many comparisons in one release of a hundred."""
    return NormalDist().inv_cdf(1 - BY_CHANCE / 2 / max(compared, 1))


def distinct(columns: pd.DataFrame) -> pd.DataFrame:
    """The first of all columns with the same values: features of one group are missing together."""
    first: dict[bytes, str] = {}
    for name in map(str, columns):
        first.setdefault(columns[name].to_numpy().tobytes(), name)
    return columns[[*first.values()]]

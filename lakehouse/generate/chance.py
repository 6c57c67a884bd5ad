"""Draws from uniform random numbers: whole numbers, weighted choices, values between quartiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lakehouse.generate.cells import Ints, Reals


def below(rng: np.random.Generator, rows: int, limit: int) -> Ints:
    """Whole numbers from 0 to below a limit."""
    return (rng.random(rows) * limit).astype(np.int64)


def weighted(rng: np.random.Generator, rows: int, weights: Sequence[float]) -> Ints:
    """Random positions in `weights`, with these weights."""
    bounds = np.cumsum(weights)
    place = rng.random(rows) * bounds[-1]
    positions: Ints = np.searchsorted(bounds[:-1], place, side="right").astype(np.int64)
    return positions


def between_quartiles(rng: np.random.Generator, quartiles: Reals) -> Reals:
    """One draw per row of (minimum, three quartiles, maximum), uniform between two neighbours."""
    place = rng.random(len(quartiles)) * 4
    quarter = place.astype(np.int64)
    row = np.arange(len(quartiles))
    low, high = quartiles[row, quarter], quartiles[row, quarter + 1]
    drawn: Reals = low + (high - low) * (place - quarter)
    return drawn

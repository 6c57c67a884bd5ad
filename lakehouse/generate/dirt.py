"""Dirt on clean cells: a share of them replaced, made impossible, or underscored."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from lakehouse.generate.cells import Reals, Text, joined

Cells = TypeVar("Cells", Text, Reals)
Scalar = bytes | float


def replaced(rng: np.random.Generator, cells: Cells, share: float, by: Cells | Scalar) -> Cells:
    """The cells with a share of them replaced: this is how dirt comes on top of clean values."""
    return np.where(rng.random(len(cells)) < share, by, cells)


def impossible(rng: np.random.Generator, values: Reals, share: float, low: int, high: int) -> Reals:
    """A share of the values replaced by whole numbers from `low` to below `high`."""
    return replaced(rng, values, share, low + np.floor(rng.random(len(values)) * (high - low)))


def underscored(rng: np.random.Generator, text: Text, share: float) -> Text:
    """The cells, a share of them with an underscore behind the text."""
    return joined(text, replaced(rng, np.full(len(text), b""), share, b"_"))

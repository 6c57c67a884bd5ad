"""A share of loans with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

LEVEL = 0.95
_Z = 1.959963984540054  # standard deviations on each side of that interval


@dataclass(frozen=True)
class Share:
    """The share `n` of `of` loans, and its 95 % interval by Wilson; None where there are no loans."""

    n: int
    of: int
    value: float | None
    low: float | None
    high: float | None


def share(n: int, of: int) -> Share:
    """The share of n of some loans."""
    if not of:
        return Share(n, of, None, None, None)
    p, spread = n / of, _Z * _Z / of
    middle = (p + spread / 2) / (1 + spread)
    half = _Z * sqrt(p * (1 - p) / of + spread / of / 4) / (1 + spread)
    # An end may miss 0 or 1 by the last place of a double.
    return Share(n, of, p, 0.0 if n == 0 else middle - half, 1.0 if n == of else middle + half)

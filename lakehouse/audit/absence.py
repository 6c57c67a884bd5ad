"""Absence: features that are missing, or known, almost only for loans with one outcome.

The check takes a training set of labelled loans, as pandas, from `lakehouse.model.features.prepared`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from lakehouse.audit.finding import Check, Finding
from lakehouse.audit.noise import BY_CHANCE, distinct
from lakehouse.training_columns import LABEL

# One outcome is so many times rarer among loans without a feature, or with it, than among all loans.
_RARER = 20


def absence_check(loans: pd.DataFrame, features: Sequence[str]) -> Check:
    """Check that no feature is missing, or known, almost only for loans with one outcome."""
    absences = distinct(loans[list(features)].isna().astype("float64"))
    some = absences.loc[:, absences.nunique() > 1]
    by_chance = BY_CHANCE / max(4 * some.shape[1], 1)
    return Check(
        name="absence of a feature",
        proves="That a feature is missing, or known, does not tell the outcome of a loan.",
        looked_at=f"{some.shape[1]} ways in which features are missing for some of {len(loans):,} loans",
        findings=tuple(
            finding
            for name in some
            for state, there in (("missing", some[name] == 1), ("known", some[name] == 0))
            for finding in _findings(f"{name} is {state}", loans[LABEL], there, by_chance)
        ),
    )


def _findings(
    subject: str, labels: pd.Series, there: pd.Series, by_chance: float
) -> Iterator[Finding]:
    for outcome, called in ((0, "defaulted"), (1, "did not default")):
        share, usual = ((part == outcome).mean() for part in (labels[there], labels))
        if share <= usual / _RARER and _chance(share, usual, there.sum()) < by_chance:
            yield Finding(
                subject,
                f"{1 - share:.1%} of these {there.sum():,} loans {called}, of all loans {1 - usual:.1%}",
            )


def _chance(share: float, usual: float, loans: int) -> float:
    """The most that chance can give so small a share of so many loans (Chernoff's bound)."""
    distance = (1 - share) * math.log((1 - share) / (1 - usual)) if usual < 1 else 0.0
    if share:
        distance += share * math.log(share / usual)
    return math.exp(-loans * distance)

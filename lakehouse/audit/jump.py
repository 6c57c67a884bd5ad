"""A jump: a feature that says much more of the label in some months than in the others.

The check takes a training set of labelled loans, as pandas, from `lakehouse.model.features.prepared`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lakehouse.audit.finding import Check, Finding
from lakehouse.audit.noise import beyond_noise, distinct
from lakehouse.model.single_feature import auc_of_columns, scored_columns
from lakehouse.model.split import month_of
from lakehouse.months import spell
from lakehouse.training_columns import LABEL

# The least rise of an AUC's distance from 0.5. From month to month the customers change as well.
LEAST_RISE = 0.15

Numbers = NDArray[np.float64]


def jump_check(loans: pd.DataFrame, features: Sequence[str]) -> Check:
    """Check what each feature, and its absence, says of the label in each run of months beside the others.

    Only loans of the same month are compared with each other, so no change of level is a jump.
    """
    values, month = distinct(scored_columns(loans, features)), month_of(loans)
    months = sorted(month.unique())
    parts = [(values[month == m], (loans[LABEL][month == m] == 1).to_numpy()) for m in months]
    aucs = np.array([auc_of_columns(*part).to_numpy() for part in parts])
    jumps = _jumps(aucs, np.array([_weights(*part) for part in parts]))
    least = beyond_noise(jumps.errors.size)
    return Check(
        name="jump of one feature",
        proves="No feature says much more of the label in some months than in the others: no delivery "
        "brought an outcome along.",
        looked_at=f"{len(features)} features of {len(loans):,} loans in {len(months)} months; "
        + _least_jump(jumps, least),
        findings=tuple(_sharpest(jumps, least, months, list(map(str, values)))),
    )


@dataclass(frozen=True)
class _Jumps:
    """Per run of months (a row) and column: the AUC inside, the AUC outside, the error of the difference."""

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    inside: Numbers
    outside: Numbers
    error: Numbers

    @property
    def errors(self) -> Numbers:
        """The difference in standard errors."""
        return np.abs(self.inside - self.outside) / self.error

    @property
    def rise(self) -> Numbers:
        rise: Numbers = np.abs(self.inside - 0.5) - np.abs(self.outside - 0.5)
        return rise


def _jumps(aucs: Numbers, weights: Numbers) -> _Jumps:
    """Every run of months, but all of them together, beside the other months."""
    first, last = np.triu_indices(len(aucs))
    some = last - first < len(aucs) - 1
    first, last = first[some], last[some]
    weight, weighted = (
        np.vstack([np.zeros(aucs.shape[1]), np.cumsum(each, axis=0)])
        for each in (weights, np.nan_to_num(aucs) * weights)
    )
    inside, inside_sum = weight[last + 1] - weight[first], weighted[last + 1] - weighted[first]
    outside, outside_sum = weight[-1] - inside, weighted[-1] - inside_sum
    with np.errstate(divide="ignore", invalid="ignore"):
        return _Jumps(
            first,
            last,
            inside_sum / inside,
            outside_sum / outside,
            np.sqrt(1 / np.maximum(inside, 0) + 1 / np.maximum(outside, 0)),
        )


def _weights(values: pd.DataFrame, bad: NDArray[np.bool_]) -> Numbers:
    """One by the variance of each AUC at chance (Mann-Whitney); 0 if one outcome is missing."""
    bads, goods = (values[mask].count().to_numpy("float64") for mask in (bad, ~bad))
    weights: Numbers = 12 * bads * goods / (bads + goods + 1)
    return weights


def _sharpest(
    jumps: _Jumps, least: float, months: Sequence[str], names: Sequence[str]
) -> Iterator[Finding]:
    """The jump of each column that is most beyond noise, if one is."""
    is_jump = (jumps.rise >= LEAST_RISE) & (jumps.errors >= least)
    beyond = np.where(is_jump, jumps.errors, 0.0)
    for place, name in enumerate(names):
        most = int(beyond[:, place].argmax())
        if beyond[most, place]:
            yield Finding(
                name,
                f"AUC {jumps.inside[most, place]:.3f} for applications of "
                f"{spell(months[jumps.first[most] : jumps.last[most] + 1])}, "
                f"{jumps.outside[most, place]:.3f} for all others: "
                f"{beyond[most, place]:.0f} standard errors apart",
            )


def _least_jump(jumps: _Jumps, least: float) -> str:
    """The rise that a feature needs in one month, of common size, to be a jump."""
    errors = jumps.error[jumps.first == jumps.last]
    needed = max(least * float(np.median(errors)), LEAST_RISE) if errors.size else np.inf
    if needed <= 0.5:
        return f"in a single month a rise by {needed:.2f} is beyond noise"
    return "too few loans to tell a jump in a single month from noise"

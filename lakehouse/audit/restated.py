"""Restated features: what they say of the label as known now, beside what they said as known before.

The check takes training sets of labelled loans, as pandas, from `lakehouse.model.features.prepared`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lakehouse.audit.finding import Check, Finding
from lakehouse.audit.noise import beyond_noise, distinct
from lakehouse.model.features import KEY
from lakehouse.model.single_feature import scored_columns
from lakehouse.training.point_in_time import JoinedGroup
from lakehouse.training_columns import LABEL

# The least rise of an AUC's distance from 0.5, on the same loans.
LEAST_RISE = 0.05

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Earlier:
    """The same loans with their features as an earlier release knew them.

    `known` says in words when. `through` is the last month that the release of each loan knew, NaN if
    there was no release. `had` says per group whether that release had its table; it had those not named.
    """

    known: str
    loans: pd.DataFrame
    through: pd.Series
    groups: Sequence[JoinedGroup]
    had: Mapping[str, pd.Series] = field(default_factory=dict)


def restatement_check(name: str, now: pd.DataFrame, earlier: Earlier | str) -> Check:
    """Check that no feature says more of the label as known now than as known before, beyond noise.

    A text in place of earlier loans says why there are none to compare with.
    """
    rises = [] if isinstance(earlier, str) else _rises(now, earlier)
    least = beyond_noise(len(rises))
    risen = [rise for rise in rises if rise.distance >= LEAST_RISE and rise.errors >= least]
    few = sum(1 for rise in rises if rise.changed < least**2)
    return Check(
        name=name,
        proves="No feature says more of the label as known now than it said before: no row was corrected, "
        "added or deleted with the outcome in view.",
        looked_at=f"nothing: {earlier}"
        if isinstance(earlier, str)
        else f"{earlier.through.notna().sum():,} of {len(now):,} loans, as known {earlier.known}; "
        f"{len(rises)} features or absences differ" + (f", {few} for too few loans" if few else ""),
        findings=tuple(Finding(rise.name, rise.words) for rise in risen),
    )


def _rises(now: pd.DataFrame, earlier: Earlier) -> list[_Rise]:
    assert now[KEY].equals(earlier.loans[KEY]), "training sets of other loans"
    pairs = (pair for group in earlier.groups for pair in _pairs(now, earlier, group))
    return [_rise(earlier.known, *pair) for pair in pairs]


@dataclass(frozen=True)
class _Rise:
    """The AUC of one column now and before, on the same loans; `changed` of them differ.

    `errors` is the difference in standard errors (DeLong, for two scores of the same loans).
    """

    name: str
    known: str
    now: float
    before: float
    errors: float
    changed: int

    @property
    def distance(self) -> float:
        return abs(self.now - 0.5) - abs(self.before - 0.5)

    @property
    def words(self) -> str:
        return (
            f"AUC {self.now:.3f} as known now, {self.before:.3f} as known {self.known}: "
            f"{self.errors:.0f} standard errors apart; {self.changed:,} loans differ"
        )


def _pairs(
    now: pd.DataFrame, earlier: Earlier, group: JoinedGroup
) -> Iterator[tuple[str, pd.Series, pd.Series, NDArray[np.bool_]]]:
    """Each column that differs, with its values now and before and whether a loan defaulted."""
    columns, before = [*group.features, LABEL], earlier.loans
    in_time = delivered(now[group.date_column], earlier.through)
    values, values_before = (scored_columns(f[columns], group.features) for f in (now, before))
    absent, absent_before = (f[[*group.features]].isna().astype("float64") for f in (now, before))
    for name in group.features:
        both = in_time & now[name].notna() & before[name].notna()
        yield from _differing(name, values[name][both], values_before[name][both], now[LABEL])
    for name in map(str, distinct(pd.concat([absent, absent_before]))):
        # A release that has the feature for no loan was made before there was the feature.
        has_it = before[name].notna().groupby(earlier.through).transform("any").eq(True) & in_time
        pair = (absent[name][has_it], absent_before[name][has_it])
        yield from _differing(f"{name} is missing", *pair, now[LABEL])


def delivered(day: pd.Series, through: pd.Series) -> pd.Series:
    """Whether the month of the row that is used now was known before: else it is new, and not corrected."""
    in_time: pd.Series = day.isna() | (day.dt.strftime("%Y-%m") <= through.fillna(""))
    return through.notna() & in_time


def _differing(
    name: str, now: pd.Series, before: pd.Series, label: pd.Series
) -> Iterator[tuple[str, pd.Series, pd.Series, NDArray[np.bool_]]]:
    bad = (label[now.index] == 1).to_numpy()
    if (now != before).any() and bad.any() and not bad.all():
        yield name, now, before, bad


def _rise(
    known: str, name: str, now: pd.Series, before: pd.Series, bad: NDArray[np.bool_]
) -> _Rise:
    after, then = _placements(now, bad), _placements(before, bad)
    moved = [a - b for a, b in zip(after, then, strict=True)]
    error = np.sqrt(sum(np.var(part, ddof=1) / len(part) for part in moved if len(part) > 1))
    difference = abs(float(np.mean(moved[0])))
    return _Rise(
        name,
        known,
        float(np.mean(after[0])),
        float(np.mean(then[0])),
        difference / error if error else 0.0,
        int((now != before).sum()),
    )


def _placements(values: pd.Series, bad: NDArray[np.bool_]) -> tuple[Numbers, Numbers]:
    """For each default the share of the others below it, for each other the share of defaults above it.

    The mean of either is the AUC.
    """
    ranks = values.rank().to_numpy()
    own_bad, own_good = values[bad].rank().to_numpy(), values[~bad].rank().to_numpy()
    below = (ranks[bad] - own_bad) / len(own_good)
    above = 1 - (ranks[~bad] - own_good) / len(own_bad)
    return below, above

"""Approval, default and calibration on test by protected attribute, as by age band and occupation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lakehouse.model.metrics import Estimate, Numbers, Resampling, drawn
from lakehouse.protected import Protected

# Rates of fewer loans say too little, and may point at persons.
FEWEST_LOANS = 30
UNKNOWN = "not known"


@dataclass(frozen=True)
class Rates:
    """The share approved, the default rates predicted and observed, and predicted minus observed."""

    approved: Estimate
    predicted: Estimate
    observed: Estimate
    difference: Estimate

    @property
    def in_line(self) -> bool:
        """Whether the interval of the difference contains 0."""
        return self.difference.contains(0.0)


@dataclass(frozen=True)
class Subgroup:
    """The test loans of a group of people; no `rates` of too few."""

    name: str
    loans: int
    rates: Rates | None


@dataclass(frozen=True)
class Attribute:
    """A protected attribute: what it is, and its groups in their order."""

    name: str
    doc: str
    groups: tuple[Subgroup, ...]

    @property
    def told(self) -> tuple[Subgroup, ...]:
        """The groups with enough loans."""
        return tuple(group for group in self.groups if group.rates)

    @property
    def off(self) -> tuple[Subgroup, ...]:
        """The groups whose predicted default rate differs from the observed one by more than chance."""
        return tuple(group for group in self.told if group.rates and not group.rates.in_line)


def attributes(
    protected: Iterable[Protected],
    loans: pd.DataFrame,
    labels: Numbers,
    scores: Numbers,
    refused_from: float,
    resamples: Resampling,
) -> tuple[Attribute, ...]:
    """Each protected attribute that the loans have; those with a score from `refused_from` on are refused."""
    values = np.stack([scores < refused_from, scores, labels], axis=1).astype("float64")
    return tuple(
        Attribute(each.name, each.doc, tuple(_groups(_named(loans, each), values, resamples)))
        for each in protected
        if each.feature in loans
    )


def _named(loans: pd.DataFrame, protected: Protected) -> pd.Series:
    """The name of each loan's group."""
    values = loans[protected.feature]
    if protected.band is None:
        return values.fillna(UNKNOWN).astype(str)
    low = (values // protected.band * protected.band).astype("Int64")
    names = low.astype(str) + " to " + (low + protected.band - 1).astype(str)
    return names.where(low.notna(), UNKNOWN).astype(str)


def _groups(names: pd.Series, values: Numbers, resamples: Resampling) -> Iterator[Subgroup]:
    counts = names.value_counts()
    # The group of those that are not known comes last.
    order = sorted(counts.index, key=lambda name: (name == UNKNOWN, name))
    enough = [name for name in order if counts[name] >= FEWEST_LOANS]
    rates = dict(zip(enough, _rates(names, enough, values, resamples), strict=True))
    for name in order:
        yield Subgroup(str(name), int(counts[name]), rates.get(name))


def _rates(
    names: pd.Series, groups: list[str], values: Numbers, resamples: Resampling
) -> list[Rates]:
    members = np.stack([names == name for name in groups], axis=1) if groups else np.empty((0, 0))

    def means(weights: Numbers) -> Numbers:
        with np.errstate(invalid="ignore", divide="ignore"):
            of_groups = [
                (weights @ (values * member[:, None])) / (weights @ member)[:, None]
                for member in members.T
            ]
        return np.hstack([np.hstack([m, m[:, 1:2] - m[:, 2:3]]) for m in of_groups])

    if not groups:
        return []
    estimates = iter(drawn(means, len(names), resamples))
    return [Rates(*four) for four in zip(estimates, estimates, estimates, estimates, strict=True)]

"""Metrics of how well scores predict defaults, each with a bootstrap interval."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
LEVEL = 0.95
CELLS_AT_ONCE = 2_000_000  # loans x resamples held at once


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % bootstrap interval; NaN if the loans have only one outcome."""

    value: float
    low: float
    high: float

    def contains(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True)
class CalibrationBin:
    """A tenth of the loans by score: the mean predicted default rate and the observed one."""

    loans: int
    predicted: Estimate
    observed: Estimate


@dataclass(frozen=True)
class Metrics:
    """All metrics of the scores of some loans."""

    loans: int
    defaults: int
    auc: Estimate
    gini: Estimate
    ks: Estimate
    pr_auc: Estimate
    brier: Estimate
    predicted: Estimate
    observed: Estimate
    calibration: tuple[CalibrationBin, ...]


@dataclass(frozen=True)
class Resampling:
    """Draws of loans with replacement; all loans of a customer are drawn together.

    The same customers and seed give the same draws, so that two models can be compared on them.
    """

    customers: NDArray[np.int64]  # the customer's number, one entry per loan
    draws: int
    seed: int

    def blocks(self) -> Iterator[Numbers]:
        """The number of times that each loan is in each draw: arrays of draws x loans."""
        generator = np.random.default_rng(self.seed)
        number = int(self.customers.max()) + 1
        size = max(1, CELLS_AT_ONCE // len(self.customers))
        for first in range(0, self.draws, size):
            draws = min(size, self.draws - first)
            drawn = generator.multinomial(number, np.full(number, 1 / number), size=draws)
            yield drawn[:, self.customers].astype("float64")


def resampling(customers: object, draws: int, seed: int) -> Resampling:
    """The draws of the loans of these customers; `customers` has one entry per loan."""
    _, codes = np.unique(np.asarray(customers), return_inverse=True)
    return Resampling(codes, draws, seed)


def measure(labels: Numbers, scores: Numbers, resamples: Resampling) -> Metrics:
    """Every metric of the scores (probabilities of default) against the labels (0 or 1)."""
    deciles = _deciles(scores)
    once = _statistics(labels, scores, deciles, np.ones((1, len(labels))))[0]
    blocks = [_statistics(labels, scores, deciles, block) for block in resamples.blocks()]
    auc, gini, ks, pr_auc, brier, predicted, observed, *tenths = _estimates(
        once, np.concatenate(blocks)
    )
    bins = zip(deciles.sum(axis=0), tenths[::2], tenths[1::2], strict=True)
    return Metrics(
        loans=len(labels),
        defaults=int(labels.sum()),
        auc=auc,
        gini=gini,
        ks=ks,
        pr_auc=pr_auc,
        brier=brier,
        predicted=predicted,
        observed=observed,
        calibration=tuple(CalibrationBin(int(loans), *pair) for loans, *pair in bins),
    )


def auc_difference(
    labels: Numbers, scores: Numbers, others: Numbers, resamples: Resampling
) -> Estimate:
    """The AUC of the scores minus the AUC of the others, on the same draws."""

    def difference(weights: Numbers) -> Numbers:
        auc, other_auc = (_ranking(labels, s, weights)[:, :1] for s in (scores, others))
        return auc - other_auc

    return drawn(difference, len(labels), resamples)[0]


def auc_of(labels: Numbers, scores: Numbers, resamples: Resampling) -> Estimate:
    """The AUC of the scores."""
    return drawn(lambda weights: _ranking(labels, scores, weights)[:, :1], len(labels), resamples)[
        0
    ]


def drawn(
    statistics: Callable[[Numbers], Numbers], loans: int, resamples: Resampling
) -> list[Estimate]:
    """Statistics of the loans once, each with its interval from the draws.

    `statistics` takes how often each loan is in each draw, and returns a row per draw.
    """
    once = statistics(np.ones((1, loans)))[0]
    return _estimates(once, np.concatenate([statistics(block) for block in resamples.blocks()]))


def _estimates(once: Numbers, drawn: Numbers) -> list[Estimate]:
    return [_estimate(value, draws) for value, draws in zip(once, drawn.T, strict=True)]


def _estimate(value: float, draws: Numbers) -> Estimate:
    # A draw with only one outcome has no AUC.
    finite = draws[np.isfinite(draws)]
    if not np.isfinite(value) or not finite.size:
        return Estimate(np.nan, np.nan, np.nan)
    low, high = np.quantile(finite, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(value), float(low), float(high))


def _deciles(scores: Numbers) -> Numbers:
    """The tenth of the scores that each loan is in, as loans x tenths of 0 and 1.

    Equal scores are in the same tenth.
    """
    edges = np.unique(np.quantile(scores, np.arange(1, 10) / 10))
    _, tenth = np.unique(np.searchsorted(edges, scores), return_inverse=True)
    return np.eye(tenth.max() + 1)[tenth]


def _statistics(labels: Numbers, scores: Numbers, deciles: Numbers, weights: Numbers) -> Numbers:
    """One row per draw: the numbers of Metrics in order, then predicted and observed of each tenth."""
    with np.errstate(invalid="ignore", divide="ignore"):
        overall = np.stack([(scores - labels) ** 2, scores, labels], axis=1)
        means = weights @ overall / weights.sum(axis=1, keepdims=True)
        tenths = np.stack([deciles.T * scores, deciles.T * labels], axis=1).reshape(-1, len(labels))
        counts = np.repeat(weights @ deciles, 2, axis=1)
        return np.hstack([_ranking(labels, scores, weights), means, (weights @ tenths.T) / counts])


def _ranking(labels: Numbers, scores: Numbers, weights: Numbers) -> Numbers:
    """AUC, Gini, KS and PR-AUC, one row per draw; NaN if the draw has only one outcome."""
    order = np.argsort(-scores, kind="stable")
    # Loans with the same score pass a threshold together.
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.inf))
    drawn = weights[:, order]
    bad = np.add.reduceat(drawn * labels[order], starts, axis=1)
    good = np.add.reduceat(drawn, starts, axis=1) - bad
    with np.errstate(invalid="ignore", divide="ignore"):
        bad_share, good_share = (n / n.sum(axis=1, keepdims=True) for n in (bad, good))
        caught, alarmed = bad_share.cumsum(axis=1), good_share.cumsum(axis=1)
        auc = ((caught - bad_share / 2) * good_share).sum(axis=1)
        ks = (caught - alarmed).max(axis=1)
        precision = bad.cumsum(axis=1) / np.maximum((bad + good).cumsum(axis=1), 1)
        pr_auc = (bad_share * precision).sum(axis=1)
    both = bad.any(axis=1) & good.any(axis=1)
    return np.where(both[:, None], np.stack([auc, 2 * auc - 1, ks, pr_auc], axis=1), np.nan)

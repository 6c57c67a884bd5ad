"""Cut-offs: the loans with the highest scores are refused, and what is gained and lost on the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lakehouse.errors import BadInput
from lakehouse.model.metrics import Estimate, Numbers, Resampling, drawn

REFUSED_SHARES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)


@dataclass(frozen=True)
class Margin:
    """The assumed result of a loan, as shares of its amount: gained if it is repaid, lost if it defaults."""

    gain: float = 0.1
    loss: float = 0.45

    def __post_init__(self) -> None:
        if not (self.gain > 0 and 0 < self.loss <= 1):
            raise BadInput(
                f"a gain of {self.gain:g} and a loss of {self.loss:g}: give shares of the amount above 0, "
                "the loss at most 1, as --gain 0.1 --loss 0.45"
            )

    @property
    def break_even(self) -> float:
        """The probability of default at which a loan neither gains nor loses."""
        return self.gain / (self.gain + self.loss)


@dataclass(frozen=True)
class CutOff:
    """Loans with a score of `score` or more are refused, the others approved; None refuses no loan.

    Amounts are in loans of equal size: gains and losses as the scores predict them and as they happened.
    `result` is what happened per 100 applications.
    """

    score: float | None
    loans: int
    approved: int
    predicted_defaults: float
    defaults: int
    predicted_gain: float
    predicted_loss: float
    gain: float
    loss: float
    result: Estimate

    @property
    def approval(self) -> float:
        """The share of the applications that is approved."""
        return self.approved / self.loans

    @property
    def default_rate(self) -> float:
        """The share of defaults among the approved; NaN if none is."""
        return self.defaults / self.approved if self.approved else float("nan")

    @property
    def predicted_result(self) -> float:
        """The expected result per 100 applications."""
        return 100 * (self.predicted_gain - self.predicted_loss) / self.loans


@dataclass(frozen=True)
class CutOffs:
    """The margin, the cut-off at which a loan breaks even by its score, and others by the share refused."""

    margin: Margin
    break_even: CutOff
    rows: tuple[CutOff, ...]


def cut_offs(
    labels: Numbers,
    scores: Numbers,
    margin: Margin,
    resamples: Resampling,
    shares: Sequence[float] = REFUSED_SHARES,
) -> CutOffs:
    """The cut-offs that refuse these shares of the loans, or more where scores are equal."""
    wanted = [None if share == 0 else float(np.quantile(scores, 1 - share)) for share in shares]
    bounds = [margin.break_even, *dict.fromkeys(wanted)]
    approved = np.stack([np.full(len(scores), True) if b is None else scores < b for b in bounds])
    happened = np.where(labels == 1, -margin.loss, margin.gain)

    def results(weights: Numbers) -> Numbers:
        results_of_draws = weights @ (approved * happened).T
        return np.asarray(100 * results_of_draws / weights.sum(axis=1, keepdims=True))

    estimates = drawn(results, len(labels), resamples)
    first, *others = (
        _cut_off(bound, taken, labels, scores, margin, result)
        for bound, taken, result in zip(bounds, approved, estimates, strict=True)
    )
    return CutOffs(margin, first, tuple(others))


def _cut_off(
    score: float | None,
    approved: Numbers,
    labels: Numbers,
    scores: Numbers,
    margin: Margin,
    result: Estimate,
) -> CutOff:
    number, defaults = int(approved.sum()), int(labels[approved].sum())
    predicted = float(scores[approved].sum())
    return CutOff(
        score=score,
        loans=len(labels),
        approved=number,
        predicted_defaults=predicted,
        defaults=defaults,
        predicted_gain=margin.gain * (number - predicted),
        predicted_loss=margin.loss * predicted,
        gain=margin.gain * (number - defaults),
        loss=margin.loss * defaults,
        result=result,
    )

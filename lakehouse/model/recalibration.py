"""Logistic recalibration on test: how predicted log-odds of default relate to those of what happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lakehouse.model.metrics import Estimate, Numbers, Resampling, drawn

_ROUNDS = 50
_CLOSE = 1e-10
_EXTREME = 1e-6  # a score nearer to 0 or 1 has no useful log-odds


@dataclass(frozen=True)
class Recalibration:
    """The fit of log-odds = intercept + slope x predicted log-odds; 0 and 1 are right.

    A slope below 1: the scores are too far apart. `in_the_large` is the intercept where the slope is 1: above
    0, more loans defaulted than predicted. NaN if there is no fit, as for scores that are all equal.
    """

    intercept: Estimate
    slope: Estimate
    in_the_large: Estimate


def recalibrated(labels: Numbers, scores: Numbers, resamples: Resampling) -> Recalibration:
    """The recalibration of the scores. Each draw takes one Newton step from the fit on all loans."""
    log_odds = _log_odds(scores)
    both = np.stack([np.ones_like(log_odds), log_odds], axis=1)
    intercept, slope = _estimates(labels, both, np.zeros_like(log_odds), resamples)
    (in_the_large,) = _estimates(labels, both[:, :1], log_odds, resamples)
    return Recalibration(intercept, slope, in_the_large)


def _log_odds(scores: Numbers) -> Numbers:
    clipped = np.clip(scores, _EXTREME, 1 - _EXTREME)
    return np.asarray(np.log(clipped / (1 - clipped)))


def _estimates(
    labels: Numbers, columns: Numbers, offset: Numbers, resamples: Resampling
) -> list[Estimate]:
    fit = _fit(labels, columns, offset)
    return drawn(_one_step(labels, columns, offset, fit), len(labels), resamples)


def _fit(labels: Numbers, columns: Numbers, offset: Numbers) -> Numbers:
    """The coefficients of greatest likelihood; NaN if there are none, as where scores part the outcomes."""
    fit: Numbers = np.zeros(columns.shape[1])
    step = _stepper(labels, columns, offset)
    for _ in range(_ROUNDS):
        move = step(fit, np.ones((1, len(labels))))[0]
        fit = fit + move
        if not np.isfinite(move).all():
            break
        if np.abs(move).max() < _CLOSE:
            return fit
    return np.full(columns.shape[1], np.nan)


def _one_step(
    labels: Numbers, columns: Numbers, offset: Numbers, fit: Numbers
) -> Callable[[Numbers], Numbers]:
    """The coefficients of each draw, to first order: one step from those of all loans."""
    step = _stepper(labels, columns, offset)
    return lambda weights: fit + step(fit, weights)


def _stepper(
    labels: Numbers, columns: Numbers, offset: Numbers
) -> Callable[[Numbers, Numbers], Numbers]:
    """The Newton steps from some coefficients, one row per draw of loans; NaN where it has none."""
    width = columns.shape[1]
    products = (columns[:, :, None] * columns[:, None, :]).reshape(len(labels), -1)

    def step(fit: Numbers, weights: Numbers) -> Numbers:
        if not np.isfinite(fit).all():
            return np.full((len(weights), width), np.nan)
        with np.errstate(over="ignore"):
            rate = 1 / (1 + np.exp(-(columns @ fit + offset)))
        gradient = weights @ (columns * (labels - rate)[:, None])
        curvature = weights @ (products * (rate * (1 - rate))[:, None])
        return _solved(curvature.reshape(-1, width, width), gradient)

    return step


def _solved(curvature: Numbers, gradient: Numbers) -> Numbers:
    """Curvature x step = gradient for each draw; NaN where a draw's columns are not independent."""
    certain = np.linalg.cond(curvature) < 1 / np.finfo(float).eps
    steps = np.full(gradient.shape, np.nan)
    steps[certain] = np.linalg.solve(curvature[certain], gradient[certain][..., None])[..., 0]
    return steps

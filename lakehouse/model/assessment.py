"""An assessment: all numbers of the sanity check, frozen, also as plain JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from typing import Any

import numpy as np

from lakehouse.model.binning import Scorecard
from lakehouse.model.importance import Coefficient, Permuted
from lakehouse.model.metrics import Numbers
from lakehouse.model.origin import Audited, Origin
from lakehouse.model.review import Reviewed
from lakehouse.model.rolling import Rolling
from lakehouse.model.scored import Scored
from lakehouse.model.split import Part, Split
from lakehouse.model.verdict import Evidence, Verdict


@dataclass(frozen=True)
class PartSummary:
    """A part of the split in numbers, and its first and last day of application.

    `left_out` counts loans whose customer is in a later part too.
    """

    name: str
    months: tuple[str, ...]
    first_day: date
    last_day: date
    loans: int
    defaults: int
    left_out: int


@dataclass(frozen=True)
class Method:
    """The settings that were fixed before anything was fitted, and the versions of the libraries."""

    bootstrap_draws: int
    seed: int
    interval: float
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Assessment:
    """The models, their metrics out of time, and the verdict on them.

    `labels` are those of the test loans, in the order of each model's scores. `facts`, `origin` and the
    result of the audit (`audited`) come from the caller. `rolling` and `scorecard` are there if
    they were asked for.
    """

    verdict: Verdict
    evidence: Evidence
    prevalence: Scored
    importance: Permuted
    coefficients: tuple[Coefficient, ...]
    psi_by_chance: float
    facts: Mapping[str, Any]
    split: Split
    parts: tuple[PartSummary, ...]
    method: Method
    labels: Numbers
    review: Reviewed
    origin: Origin | None = None
    audited: tuple[Audited, ...] = ()
    rolling: Rolling | None = None
    scorecard: Scorecard | None = None

    def __repr__(self) -> str:
        return "\n".join([self.verdict.headline, *(f"- {why}" for why in self.verdict.reasons)])

    @property
    def scored(self) -> tuple[Scored, ...]:
        """The models, the preferred one first, then the best feature and the prevalence of train."""
        return (*self.evidence.models, self.evidence.best_feature, self.prevalence)

    @property
    def told(self) -> tuple[Scored, ...]:
        """All that was scored, the scorecard after the models if there is one."""
        cards = (self.scorecard.scored,) if self.scorecard else ()
        models = self.evidence.models
        return (*models, *cards, *self.scored[len(models) :])

    def as_json(self) -> dict[str, Any]:
        """All numbers as plain values, None for one that is undefined; without the scores of single loans."""
        return dict(_plain(self))


def summary(part: Part) -> PartSummary:
    """The part in numbers."""
    return PartSummary(
        part.name,
        part.months,
        part.first_day.date(),
        part.last_day.date(),
        len(part.loans),
        int(part.labels.sum()),
        part.left_out,
    )


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return _plain({f.name: getattr(value, f.name) for f in fields(value)})
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items() if not isinstance(v, np.ndarray)}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value

"""The origin of an assessment: training set, release, label, population, and the audit of its loans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lakehouse.months import MonthRange
from lakehouse.releases.release import Release
from lakehouse.training.selection import Selection
from lakehouse.training.waterfall import excluded_as


@dataclass(frozen=True)
class Line:
    """A line of the waterfall: its name, its loans, and the reason of an exclusion."""

    name: str
    loans: int
    reason: str


@dataclass(frozen=True)
class Audited:
    """A check of the audit on the loans of this model: what was looked at, and each leak that it found."""

    name: str
    proves: str
    looked_at: str
    leaks: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.leaks


@dataclass(frozen=True)
class Origin:
    """The origin of the loans: the id by which their receipt is found, the release, label and waterfall.

    `rule` is the label definition in words, and `purpose` what it is for. Without a kept receipt there is an
    id, and no `receipt_kept`.
    """

    training_set_id: str
    receipt_kept: bool
    release: int
    finished_at: datetime
    label_def: str
    rule: str
    purpose: str
    months: MonthRange
    waterfall: tuple[Line, ...]

    @property
    def told(self) -> tuple[Line, ...]:
        """The lines that have a loan or a reason, the first and the last among them."""
        first, *between, last = self.waterfall
        return (first, *(line for line in between if line.loans or line.reason), last)


def origin(
    training_set_id: str,
    selection: Selection,
    release: Release,
    waterfall: Mapping[str, int],
    kept: bool,
) -> Origin:
    """The origin of a training set of labelled loans."""
    label = selection.label
    assert label is not None, "a model is assessed on labelled loans"
    reasons = {excluded_as(each.name): each.reason for each in selection.exclusions}
    return Origin(
        training_set_id=training_set_id,
        receipt_kept=kept,
        release=release.number,
        finished_at=release.finished_at,
        label_def=label.name,
        rule=str(label),
        purpose=label.doc,
        months=selection.months,
        waterfall=tuple(
            Line(name.replace("_", " "), loans, reasons.get(name, ""))
            for name, loans in waterfall.items()
        ),
    )

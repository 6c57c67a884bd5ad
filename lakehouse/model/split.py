"""The split by application month: train, then validation, then test; a customer is in only one part.

A label is known months after the application. So a model for a later part learns only from the loans of train
whose label was observed before the first application of that part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from lakehouse.errors import BadInput
from lakehouse.months import spell
from lakehouse.training_columns import APPLICATION, CUSTOMER, LABEL, LABEL_OBSERVED


@dataclass(frozen=True)
class Split:
    """The last `test_months` with applications are test; the `validation_months` before them validation.

    A customer of a later part is left out of the earlier ones, unless `repeat_customers` is set. Without
    `labels_known` a model learns from every label of train, also from those that nobody knew yet.
    """

    test_months: int = 3
    validation_months: int = 1
    repeat_customers: bool = False
    labels_known: bool = True

    def __post_init__(self) -> None:
        if self.test_months < 1 or self.validation_months < 1:
            raise BadInput("a split needs at least one test month and one validation month")


@dataclass(frozen=True)
class Part:
    """The loans of some application months; `left_out` counts loans whose customer is in a later part too."""

    name: str
    months: tuple[str, ...]
    loans: pd.DataFrame
    left_out: int

    @property
    def labels(self) -> pd.Series:
        return self.loans[LABEL]

    @property
    def first_day(self) -> pd.Timestamp:
        """The day of the first application."""
        day: pd.Timestamp = self.loans[APPLICATION].min()
        return day

    @property
    def last_day(self) -> pd.Timestamp:
        """The day of the last application."""
        day: pd.Timestamp = self.loans[APPLICATION].max()
        return day


@dataclass(frozen=True)
class Parts:
    """The three parts of a training set, and whether a model learns only from labels known in time."""

    train: Part
    validation: Part
    test: Part
    labels_known: bool = True

    @property
    def in_order(self) -> tuple[Part, Part, Part]:
        return self.train, self.validation, self.test

    def train_for(self, later: Part) -> Part:
        """The part that a model learns from before it scores a later one."""
        return known_before(self.train, later.first_day) if self.labels_known else self.train


def known_before(part: Part, day: pd.Timestamp) -> Part:
    """The loans of a part whose label was observed before that day; one observed on it is left out.

    BadInput for a training set that does not say when its labels were observed.
    """
    if LABEL_OBSERVED not in part.loans:
        raise BadInput(
            f"this training set lacks {LABEL_OBSERVED}; build it again, as older versions left it out"
        )
    loans = part.loans[part.loans[LABEL_OBSERVED] < day].reset_index(drop=True)
    return replace(part, months=tuple(sorted(month_of(loans).unique())), loans=loans)


def month_of(loans: pd.DataFrame) -> pd.Series:
    """Each loan's application month, YYYY-MM."""
    months: pd.Series = loans[APPLICATION].dt.strftime("%Y-%m")
    return months


def divide(frame: pd.DataFrame, split: Split) -> Parts:
    """Split a prepared training set; BadInput for too few months or a part with only one outcome."""
    months = sorted(month_of(frame).unique())
    later = split.test_months + split.validation_months
    if len(months) <= later:
        raise BadInput(
            f"the training set has applications of {len(months)} months ({spell(months)}); "
            f"this split needs at least {later + 1}: take more months, or fewer test months"
        )
    test = _part("test", frame, months[-split.test_months :], split)
    validation = _part("validation", frame, months[-later : -split.test_months], split)
    train = _part("train", frame, months[:-later], split)
    return Parts(train, validation, test, split.labels_known)


def _part(name: str, frame: pd.DataFrame, months: list[str], split: Split) -> Part:
    month = month_of(frame)
    loans, later = frame[month.isin(months)], frame[month > months[-1]]
    repeated = loans[CUSTOMER].isin(later[CUSTOMER]) & (not split.repeat_customers)
    part = Part(name, tuple(months), loans[~repeated].reset_index(drop=True), int(repeated.sum()))
    if part.labels.nunique() < 2:
        raise BadInput(_one_class(part))
    return part


def _one_class(part: Part) -> str:
    return (
        f"{part.name} ({spell(part.months)}) has {len(part.loans):,} loans, "
        f"{part.labels.sum():,} of them defaults; {part.left_out:,} were left out as customers of a "
        "later part; both outcomes are needed: take more months"
    )

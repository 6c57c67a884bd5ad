"""The split by application month: train, then validation, then test; a customer is in only one part."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from lakehouse.errors import BadInput
from lakehouse.months import spell
from lakehouse.training_columns import APPLICATION, CUSTOMER, LABEL


@dataclass(frozen=True)
class Split:
    """The last `test_months` with applications are test; the `validation_months` before them validation.

    A customer of a later part is left out of the earlier ones, unless `repeat_customers` is set.
    """

    test_months: int = 3
    validation_months: int = 1
    repeat_customers: bool = False

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


@dataclass(frozen=True)
class Parts:
    """The three parts of a training set."""

    train: Part
    validation: Part
    test: Part

    @property
    def in_order(self) -> tuple[Part, Part, Part]:
        return self.train, self.validation, self.test


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
    return Parts(train, validation, test)


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

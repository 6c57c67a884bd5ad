"""The share of the loans in each part for which a feature group was known at the application."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from lakehouse.model.features import as_of_columns
from lakehouse.model.split import Parts


@dataclass(frozen=True)
class Coverage:
    """The share of loans, per part, to which a feature row of the group was joined."""

    group: str
    train: float
    validation: float
    test: float


def coverage(parts: Parts) -> tuple[Coverage, ...]:
    """The coverage of each group, from its snapshot_date column."""
    columns = as_of_columns(parts.train.loans)
    return tuple(
        Coverage(group, *(_share(part.loans[column]) for part in parts.in_order))
        for group, column in columns.items()
    )


def _share(days: pd.Series) -> float:
    return float(days.notna().mean())

"""The share of the loans for which a feature group was known at the application, by part and by month."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from lakehouse.model.features import as_of_columns
from lakehouse.model.split import Part, Parts, month_of
from lakehouse.training.coverage import Coverage as ByMonth
from lakehouse.training.coverage import Found
from lakehouse.training_columns import APPLICATION


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


def coverage_by_month(parts: Iterable[Part]) -> tuple[ByMonth, ...]:
    """The coverage of each group by month of application, over all loans of the parts."""
    dated = [part.loans[[APPLICATION, *as_of_columns(part.loans).values()]] for part in parts]
    loans = pd.concat(dated)
    month = month_of(loans)
    counts = {
        group: loans[column].groupby(month).agg(["size", "count"]).sort_index()
        for group, column in as_of_columns(loans).items()
    }
    return tuple(
        ByMonth(
            group,
            {
                str(name): Found(int(loans_of_month), int(known))
                for name, loans_of_month, known in counted.itertuples()
            },
        )
        for group, counted in counts.items()
    )


def _share(days: pd.Series) -> float:
    return float(days.notna().mean())

"""How well one feature alone tells defaults apart: the best baseline, and the sign of a leak."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lakehouse.model.features import LABEL


def single_feature_auc(
    frame: pd.DataFrame, features: Sequence[str], label: str = LABEL
) -> pd.Series:
    """AUC of each feature among the loans it is known for, and of whether it is known at all.

    Index: `feature`, and `feature is missing` where it is for some loans. Above 0.5 more of it means
    more defaults, below 0.5 fewer; NaN where no loan, or loans of one outcome only, are left. Text is
    scored by its default rate in the other half of the rows.
    """
    defaulted = frame[label].to_numpy() == 1
    values = pd.DataFrame({name: _as_numbers(frame[name], defaulted) for name in features})
    missing = values.isna().astype("float64").rename(columns="{} is missing".format)
    some = missing.loc[:, missing.nunique() > 1]
    found: pd.Series = pd.concat([auc_of_columns(each, defaulted) for each in (values, some)])
    return found


def _as_numbers(column: pd.Series, defaulted: NDArray[np.bool_]) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column):
        return column.astype("float64")
    rates = pd.Series(np.nan, index=column.index)
    odd = np.arange(len(column)) % 2 == 1
    # A rate learned on the rows that it scores would make any id a perfect predictor.
    for half in (odd, ~odd):
        learned = pd.Series(defaulted[~half]).groupby(column[~half].to_numpy()).mean()
        rates[half] = column[half].map(learned)
    return rates


def auc_of_columns(values: pd.DataFrame, defaulted: NDArray[np.bool_]) -> pd.Series:
    """The share of pairs of a default and a non-default that each column puts in order; ties count half."""
    ranks = values.rank()
    bad, good = (ranks[mask].count() for mask in (defaulted, ~defaulted))
    pairs = (bad * good).where(bad * good > 0)
    return (ranks[defaulted].sum() - bad * (bad + 1) / 2) / pairs

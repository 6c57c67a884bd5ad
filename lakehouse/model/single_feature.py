"""The AUC of a single feature: the baseline of a model, and a sign of a leak if it is too high."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lakehouse.training_columns import LABEL


def single_feature_auc(
    frame: pd.DataFrame, features: Sequence[str], label: str = LABEL
) -> pd.Series:
    """AUC of each feature among the loans for which it is known, and of whether it is missing.

    Index: `feature`, and `feature is missing` if it is missing for some loans. Above 0.5 a higher value
    means more defaults, below 0.5 fewer. NaN if no loans are left, or only loans with one outcome.
    Text is scored by its default rate in the other half of the rows.
    """
    defaulted = frame[label].to_numpy() == 1
    return auc_of_columns(scored_columns(frame, features, label), defaulted)


def scored_columns(
    frame: pd.DataFrame, features: Sequence[str], label: str = LABEL
) -> pd.DataFrame:
    """Each feature as numbers, NaN if it is missing, then the columns that say whether it is missing."""
    defaulted = frame[label].to_numpy() == 1
    values = pd.DataFrame({name: _as_numbers(frame[name], defaulted) for name in features})
    missing = values.isna().astype("float64").rename(columns="{} is missing".format)
    return pd.concat([values, missing.loc[:, missing.nunique() > 1]], axis=1)


def _as_numbers(column: pd.Series, defaulted: NDArray[np.bool_]) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column):
        return column.astype("float64")
    rates = pd.Series(np.nan, index=column.index)
    odd = np.arange(len(column)) % 2 == 1
    # If a rate were learned on the same rows that it scores, any id would be a perfect predictor.
    for half in (odd, ~odd):
        learned = pd.Series(defaulted[~half]).groupby(column[~half].to_numpy()).mean()
        rates[half] = column[half].map(learned)
    return rates


def auc_of_columns(values: pd.DataFrame, defaulted: NDArray[np.bool_]) -> pd.Series:
    """Per column, the share of (default, non-default) pairs in the right order; ties count half."""
    ranks = values.rank()
    bad, good = (ranks[mask].count() for mask in (defaulted, ~defaulted))
    pairs = (bad * good).where(bad * good > 0)
    return (ranks[defaulted].sum() - bad * (bad + 1) / 2) / pairs

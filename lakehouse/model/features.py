"""The features of a training set, and the set itself in types that scikit-learn takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lakehouse.catalog import Catalog
from lakehouse.errors import BadInput
from lakehouse.table import AS_OF_SUFFIX
from lakehouse.training_columns import (
    APPLICATION,
    CUSTOMER,
    LABEL,
    LABEL_DEF,
    LABEL_OBSERVED,
    LOAN,
)

KEY = [LOAN, CUSTOMER]
DATES = [APPLICATION, LABEL_OBSERVED]
_NO_FEATURES = {*KEY, *DATES, LABEL, LABEL_DEF}


@dataclass(frozen=True)
class Features:
    """The names of the features, sorted, so that no result depends on the order of columns."""

    numeric: tuple[str, ...]
    text: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.numeric, *self.text)


def features_of(frame: pd.DataFrame) -> Features:
    """The features of a prepared training set: all columns except ids, dates and label."""
    names = sorted(name for name in map(str, frame) if _is_feature(name))
    numeric = tuple(name for name in names if frame[name].dtype == "float64")
    return Features(numeric, tuple(name for name in names if name not in numeric))


def as_of_columns(frame: pd.DataFrame) -> dict[str, str]:
    """Feature group -> the column with the snapshot_date that was used, NULL if none was known."""
    columns = sorted(name for name in map(str, frame) if _is_as_of(name))
    return {name.removesuffix(AS_OF_SUFFIX): name for name in columns}


def declared_groups(catalog: Catalog) -> dict[str, str]:
    """Feature -> its group, as the tables declare it."""
    tables = catalog.feature_groups
    return {f.name: t.group.name for t in tables if t.group for f in t.features}


def prepared(frame: pd.DataFrame) -> pd.DataFrame:
    """The training set with numbers as float64, text as object, missing values as NaN, rows in a fixed order.

    BadInput if no model can be fitted on it.
    """
    _check_columns(frame)
    columns = {str(name): _typed(frame[name]) for name in frame if name not in _NO_FEATURES}
    columns |= {name: frame[name] for name in KEY}
    columns |= {name: pd.to_datetime(frame[name]) for name in DATES if name in frame}
    columns[LABEL] = frame[LABEL].astype("int64")
    # The results must not depend on the order in which an engine returns the rows.
    return pd.DataFrame(columns).sort_values([APPLICATION, *KEY], ignore_index=True)


def _check_columns(frame: pd.DataFrame) -> None:
    missing = [name for name in (*KEY, APPLICATION, LABEL) if name not in frame]
    if missing:
        raise BadInput(f"this training set lacks {', '.join(missing)}; take one of labelled loans")
    if not frame[LABEL].isin([0, 1]).all():
        raise BadInput("a label is neither 0 nor 1; train on labelled loans only")
    if frame.duplicated(KEY).any():
        raise BadInput("a loan is in the training set twice; take one label definition")
    if frame[[name for name in (*KEY, *DATES) if name in frame]].isna().any(axis=None):
        raise BadInput(f"a loan has no {', '.join([*KEY, APPLICATION])} or {LABEL_OBSERVED}")
    if not any(_is_feature(name) for name in map(str, frame)):
        raise BadInput("the training set has no features; name at least one")


def _typed(column: pd.Series) -> pd.Series:
    if _is_as_of(str(column.name)):
        return pd.to_datetime(column)
    if pd.api.types.is_numeric_dtype(column) or column.isna().all():
        return _finite(column.astype("float64"))
    if not _is_text(column):
        raise BadInput(f"feature {column.name} is neither a number nor text; leave it out")
    return column.astype(object).where(column.notna(), np.nan)


def _finite(column: pd.Series) -> pd.Series:
    if np.isinf(column).any():
        raise BadInput(f"feature {column.name} is infinite for a loan; correct it, or leave it out")
    return column


def _is_text(column: pd.Series) -> bool:
    return all(isinstance(value, str) for value in column.dropna().unique())


def _is_feature(name: str) -> bool:
    return name not in _NO_FEATURES and not _is_as_of(name)


def _is_as_of(name: str) -> bool:
    return name.endswith(AS_OF_SUFFIX)

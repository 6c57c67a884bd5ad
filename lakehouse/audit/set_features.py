"""The features of one training set: on which day each was known, and what each says of the label.

A set that somebody is about to train on may have columns that no release has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date

import pandas as pd

from lakehouse.audit.absence import absence_check
from lakehouse.audit.finding import Check, Finding
from lakehouse.audit.jump import jump_check
from lakehouse.audit.target import too_good_check
from lakehouse.model.features import KEY, features_of, prepared
from lakehouse.table import AS_OF_SUFFIX
from lakehouse.training_columns import LABEL

# With fewer loans of one outcome, some feature among hundreds reaches any AUC by chance.
_FEWEST = 10
_NAMES_SHOWN = 5
_EPOCH = pd.Timestamp("1970-01-01")


def undated(loans: pd.DataFrame, groups: Mapping[str, str]) -> dict[str, str]:
    """Each feature group whose day the set lacks, with one of its features; `groups` by feature."""
    found = {groups[name]: name for name in map(str, loans) if name in groups}
    return {g: name for g, name in found.items() if f"{g}{AS_OF_SUFFIX}" not in loans}


def without_day(names: Collection[str], known: Collection[str], groups: Mapping[str, str]) -> str:
    """The columns of no feature group, in words; empty if there is none.

    Those `known` have another use.
    """
    others = [n for n in names if n not in (*groups, *known) and not n.endswith(AS_OF_SUFFIX)]
    if not others:
        return ""
    shown = ", ".join(others[:_NAMES_SHOWN]) + (" and more" if others[_NAMES_SHOWN:] else "")
    return f"; {len(others):,} columns of no feature group, so no day says when they were known: {shown}"


def dateless(loans: pd.DataFrame, groups: Mapping[str, str]) -> Iterator[Finding]:
    """Rows with features of a group, but without the day on which these were known."""
    features: dict[str, list[str]] = {}
    for name, group in groups.items():
        if name in loans and f"{group}{AS_OF_SUFFIX}" in loans:
            features.setdefault(f"{group}{AS_OF_SUFFIX}", []).append(name)
    for column, names in features.items():
        n = int((loans[column].isna() & loans[names].notna().any(axis=1)).sum())
        if n:
            yield Finding(
                column, f"{n:,} rows of features without the day on which they were known"
            )


def feature_checks(loans: pd.DataFrame) -> list[Check]:
    """The checks of what each feature, or its absence, says of the label; BadInput as in `prepared`."""
    why = _nothing_to_compare(loans)
    if why:
        return [
            Check(
                name="numbers",
                proves="No feature, nor its absence, knows the outcome.",
                looked_at=f"nothing: {why}",
                findings=(),
            )
        ]
    # Loans that somebody took twice, to learn more from them, are one loan.
    taken = _as_numbers(loans.drop_duplicates(KEY))
    made = prepared(taken)
    names = list(features_of(made).names)
    return [check(made, names) for check in (too_good_check, absence_check, jump_check)]


def _nothing_to_compare(loans: pd.DataFrame) -> str:
    missing = [name for name in (*KEY, LABEL) if name not in loans]
    if missing:
        return f"the set has no {', '.join(missing)}"
    fewest = loans.drop_duplicates(KEY)[LABEL].value_counts().reindex([0, 1], fill_value=0).min()
    if fewest < _FEWEST:
        return f"{fewest} loans have one of the outcomes, and {_FEWEST} are needed"
    return "" if features_of(loans).names else "the set has no features"


def _as_numbers(loans: pd.DataFrame) -> pd.DataFrame:
    """The loans with days of a user as numbers: a day may know the outcome as well."""
    days = {name: _days(loans[name]) for name in features_of(loans).names}
    return loans.assign(**{name: column for name, column in days.items() if column is not None})


def _days(column: pd.Series) -> pd.Series | None:
    """The days since 1970 of a column of days, None for another one."""
    known = column.dropna()
    is_day = pd.api.types.is_datetime64_any_dtype(column) or (
        column.dtype == object and len(known) > 0 and known.map(lambda v: isinstance(v, date)).all()
    )
    if not is_day:
        return None
    days = pd.to_datetime(column, utc=True).dt.tz_localize(None) - _EPOCH
    return days / pd.Timedelta(days=1)

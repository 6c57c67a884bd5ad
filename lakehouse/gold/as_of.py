"""The newest row of another table up to the day of a row, for feature groups that join several tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lakehouse import functions as F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_KNOWN = "_known_on"


def as_of(
    rows: DataFrame,
    other: DataFrame,
    on: Sequence[str],
    day: str,
    known: str,
    columns: Sequence[str],
    look_back_months: int,
) -> DataFrame:
    """The rows, each with these columns of the newest row of `other` that is not after its day.

    Rows of `other` are met by the columns `on`, and `known` is their day; they must have one row on a day.
    A row is too old if its month is more than `look_back_months` before: the `look_back_months` of the group,
    for months before these are not read. If no row is met, the columns are NULL.
    """
    dated = other.select(*on, F.col(known).alias(_KNOWN), *columns)
    oldest = F.add_months(F.trunc(day, "MM"), -look_back_months)
    met = rows.select(*on, day).distinct().join(dated.select(*on, _KNOWN), [*on])
    met = met.where((F.col(_KNOWN) <= F.col(day)) & (F.col(_KNOWN) >= oldest))
    newest = met.groupBy(*on, day).agg(F.max(_KNOWN).alias(_KNOWN))
    return rows.join(newest.join(dated, [*on, _KNOWN]).drop(_KNOWN), [*on, day], "left")

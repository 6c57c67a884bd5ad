"""Counts cells that are there and become NULL, by column and month of a silver table."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.run.issues import PLACEHOLDER
from lakehouse.run.null_limits import ByMonth, Nulls
from lakehouse.table import MONTH, Table, quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_VALUES, _OF, _ROWS = "", "_of", "_rows"


def count_nulls(
    rows: DataFrame, silver: Table, columns: Collection[str] | None = None
) -> Mapping[str, ByMonth]:
    """By column and month, of `rows` of silver; without `columns`, for each that has such cells."""
    asked = [name for name, _ in silver.raw_columns if columns is None or name in columns]
    lists = {field.name for field in silver.fields if field.type.startswith("ARRAY<")}
    # A row comes once for its values and once per issue, so that both are counted in one pass.
    values_and_issues = F.array_append(F.col("_issues"), F.lit(_VALUES))
    valued = [F.when(_whole(name, name in lists).isNotNull(), 1).alias(name) for name in asked]
    each = rows.select(MONTH, F.explode_outer(values_and_issues).alias(_OF), *valued)
    counts = [
        F.count(F.lit(1)).alias(_ROWS),
        *(F.count(quoted(name)).alias(name) for name in asked),
    ]
    values: dict[str, dict[str, int]] = {}
    reasons: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for row in each.groupBy(MONTH, _OF).agg(*counts).collect():
        issue = row[_OF] or _VALUES
        column, _, reason = issue.partition(": ")
        if issue == _VALUES:
            values[row[MONTH]] = {name: row[name] for name in asked}
        elif reason != PLACEHOLDER and issue not in silver.noted:
            reasons[column][row[MONTH]][reason] += row[_ROWS]
    return {
        name: {month: _nulls(n[name], reasons[name][month]) for month, n in values.items()}
        for name in asked
        if columns is not None or name in reasons
    }


def _whole(column: str, is_list: bool) -> Column:
    """The value, NULL if it is a list that has lost an entry."""
    value = F.col(quoted(column))
    return F.when(F.size(F.array_compact(value)) == F.size(value), 1) if is_list else value


def _nulls(valued: int, reasons: Counter[str]) -> Nulls:
    return Nulls(valued + reasons.total(), reasons)

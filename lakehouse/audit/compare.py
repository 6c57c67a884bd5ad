"""The rows in which a table of a release and its replay differ."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.audit.finding import Finding
from lakehouse.engines.changes import DELETE, OPERATION, UPSERT, differing, matched_columns
from lakehouse.table import MONTH, Table

_COLUMNS_SHOWN = 5


def differences(table: Table, released: DataFrame, replayed: DataFrame) -> list[Finding]:
    """One finding if rows of a table differ between a release and its replay, else an empty list."""
    compared = [name for name in table.columns if name not in matched_columns(table)]
    changes = differing(released, replayed, table, compared)
    counted = changes.groupBy(OPERATION).agg(F.count("*"), F.min(MONTH)).collect()
    if not counted:
        return []
    rows_by_operation = {operation: count for operation, count, _ in counted}
    both, columns = _differing_columns(table, changes, replayed, compared)
    row_counts = {
        f"rows that differ in {_shown(columns)}": both,
        "rows that only the release has": rows_by_operation.get(UPSERT, 0) - both,
        "rows that only the replay has": rows_by_operation.get(DELETE, 0),
    }
    spelt = [f"{kind}: {count:,}" for kind, count in row_counts.items() if count]
    first = min(month for _, _, month in counted)
    return [Finding(table.full_name, f"{'; '.join(spelt)}; the first in {first}")]


def _differing_columns(
    table: Table, changes: DataFrame, replayed: DataFrame, compared: Sequence[str]
) -> tuple[int, dict[str, int]]:
    """The number of rows that differ, and per column in how many of them it differs, most first.

    Only rows whose key is on both sides count.
    """
    matched = matched_columns(table)
    renamed = [F.col(name).alias(f"_replayed_{name}") for name in compared]
    differs = [~F.col(name).eqNullSafe(F.col(f"_replayed_{name}")) for name in compared]
    counts = [F.count(F.when(condition, 1)) for condition in differs]
    upserts = changes.where(F.col(OPERATION) == UPSERT)
    both = upserts.join(replayed.select(*matched, *renamed), matched)
    row_count, *by_column = both.select(F.count("*"), *counts).collect()[0]
    named = zip(compared, by_column, strict=True)
    most_first = sorted(((n, name) for name, n in named if n), key=lambda pair: -pair[0])
    return row_count, {name: n for n, name in most_first}


def _shown(columns: dict[str, int]) -> str:
    names = list(columns)
    more = len(names) - _COLUMNS_SHOWN
    return ", ".join(names[:_COLUMNS_SHOWN]) + (f" and {more} more columns" if more > 0 else "")

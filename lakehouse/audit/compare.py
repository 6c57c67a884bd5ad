"""The rows in which a table of a release and its replay part."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.audit.finding import Finding
from lakehouse.engines.changes import DELETE, OPERATION, UPSERT, differing, matched_columns
from lakehouse.table import MONTH, Table

_COLUMNS_SHOWN = 5


def differences(table: Table, was: DataFrame, now: DataFrame) -> list[Finding]:
    """A finding where rows of a table are not the same in a release and in its replay; none where all are."""
    compared = [name for name in table.columns if name not in matched_columns(table)]
    changes = differing(was, now, table, compared)
    counted = changes.groupBy(OPERATION).agg(F.count("*"), F.min(MONTH)).collect()
    if not counted:
        return []
    rows = {operation: count for operation, count, _ in counted}
    both, columns = _differing_columns(table, changes, now, compared)
    told = {
        f"rows that differ in {_shown(columns)}": both,
        "rows that the release alone has": rows.get(UPSERT, 0) - both,
        "rows that the replay alone has": rows.get(DELETE, 0),
    }
    spelt = [f"{what}: {count:,}" for what, count in told.items() if count]
    first = min(month for _, _, month in counted)
    return [Finding(table.full_name, f"{'; '.join(spelt)}; the first of {first}")]


def _differing_columns(
    table: Table, changes: DataFrame, now: DataFrame, compared: Sequence[str]
) -> tuple[int, dict[str, int]]:
    """How many rows of one key differ, and in how many of them each column does, the most first."""
    matched = matched_columns(table)
    replayed = now.select(*matched, *(F.col(name).alias(f"_replayed_{name}") for name in compared))
    differs = [~F.col(name).eqNullSafe(F.col(f"_replayed_{name}")) for name in compared]
    counts = [F.count(F.when(each, 1)) for each in differs]
    both = changes.where(F.col(OPERATION) == UPSERT).join(replayed, matched)
    rows, *by_column = both.select(F.count("*"), *counts).collect()[0]
    named = zip(compared, by_column, strict=True)
    most_first = sorted(((n, name) for name, n in named if n), key=lambda pair: -pair[0])
    return rows, {name: n for n, name in most_first}


def _shown(columns: dict[str, int]) -> str:
    names = list(columns)
    more = len(names) - _COLUMNS_SHOWN
    return ", ".join(names[:_COLUMNS_SHOWN]) + (f" and {more} more columns" if more > 0 else "")

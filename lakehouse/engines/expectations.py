"""Finds the expectation that a merge broke, without showing a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.engines.changes import OPERATION, UPSERT
from lakehouse.errors import LakehouseError
from lakehouse.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def broken_expectation(table: Table, changes: DataFrame) -> LakehouseError | None:
    """The error for the first expectation that rows of the changes break; None if all hold."""
    upserted = changes.where(F.col(OPERATION) == UPSERT)
    for name, sql in table.expectations:
        broken = upserted.where(~F.expr(sql))
        months = sorted({row[0] for row in broken.select("month").distinct().collect()})
        if months:
            return LakehouseError(
                f"{table.full_name}, {', '.join(months)}: {broken.count()} rows break the "
                f"expectation {name} ({sql}); nothing was written; correct {table.path}.py or the raw rows"
            )
    return None

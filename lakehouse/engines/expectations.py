"""Finds the expectation that rows break, without showing a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.engines.changes import OPERATION, UPSERT
from lakehouse.engines.store import Store
from lakehouse.errors import LakehouseError
from lakehouse.months import spell
from lakehouse.table import MONTH, Table
from lakehouse.words import counted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def broken_expectation(table: Table, changes: DataFrame) -> LakehouseError | None:
    """The error for the first expectation that rows of the changes break; None if all hold."""
    upserted = changes.where(F.col(OPERATION) == UPSERT)
    for name, sql in table.expectations:
        if broken := _broken(upserted, sql):
            return LakehouseError(
                f"{table.full_name}, {_told(broken)} {_verb(broken)} the expectation {name} ({sql}); nothing "
                f"was written to it; correct {table.path}.py or the raw rows"
            )
    return None


def check_held(store: Store, table: Table, expectations: Mapping[str, str]) -> None:
    """LakehouseError if rows of a table break an expectation that it is to have from now on."""
    for name, sql in expectations.items():
        if broken := _broken(store.read(table), sql):
            raise LakehouseError(
                f"{table.full_name}, {_told(broken)} there {_verb(broken)} the expectation {name} ({sql}), "
                f"which is new or has changed; correct it in {table.path}.py, or run once without it so that "
                "new code computes these rows again"
            )


def _broken(rows: DataFrame, sql: str) -> dict[str, int]:
    """The number of rows by month that do not fulfil a condition; for Delta, NULL does not."""
    broken = rows.where(~F.coalesce(F.expr(sql), F.lit(False)))
    return {str(month): int(n) for month, n in broken.groupBy(MONTH).count().collect()}


def _verb(broken: Mapping[str, int]) -> str:
    return "breaks" if sum(broken.values()) == 1 else "break"


def _told(broken: Mapping[str, int]) -> str:
    return f"{spell(broken)}: {counted(sum(broken.values()), 'row')}"

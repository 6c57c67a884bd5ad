"""The changes that a merge brings to a table: rows that are new or differ, keys that vanished."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.table import MONTH, Table

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


OPERATION = "_operation"


UPSERT, DELETE = "upsert", "delete"


def upserts(rows: DataFrame) -> DataFrame:
    """Every row as a change."""
    return rows.withColumn(OPERATION, F.lit(UPSERT))


def differing(new: DataFrame, old: DataFrame, table: Table, compared: Sequence[str]) -> DataFrame:
    """The changes that make old rows equal to new ones: rows that differ or are new, keys that vanished."""
    # The partition follows from the key; joined on too, it is known of a row that vanished.
    matched = matched_columns(table)
    kept = old.select(*matched, *(F.col(name).alias(f"_old_{name}") for name in compared))
    both = new.withColumn("_new", F.lit(True)).join(
        kept.withColumn("_old", F.lit(True)), matched, "full"
    )
    differs = [~F.col(name).eqNullSafe(F.col(f"_old_{name}")) for name in compared]
    operation = (
        F.when(F.col("_new").isNull(), DELETE)
        .when(F.col("_old").isNull() | any_of(differs), UPSERT)
        .alias(OPERATION)
    )
    columns = [F.col(f"`{name}`") for name in table.columns]
    return both.select(*columns, operation).where(F.col(OPERATION).isNotNull())


def any_of(conditions: Iterable[Column]) -> Column:
    """Whether one of the conditions holds; false where there is none."""
    rest = [F.lit(False), *conditions]
    # Pair by pair: a chain of as many as a wide table has columns is too deep for a plan's message.
    while len(rest) > 1:
        rest = [reduce(or_, rest[i : i + 2]) for i in range(0, len(rest), 2)]
    return rest[0]


def as_declared(rows: DataFrame, table: Table) -> DataFrame:
    """The rows with just the table's columns, in order and type."""
    # Asking the frame for its columns would have the engine analyse all of it once more.
    return rows.select(*(F.col(f"`{f.name}`").cast(f.type).alias(f.name) for f in table.fields))


def matched_columns(table: Table) -> list[str]:
    """The columns by which rows are matched: the partition, then the key."""
    return list(dict.fromkeys([*([table.partition] if table.partition else []), *table.keys]))


def merge_condition(table: Table, months: Sequence[str]) -> str:
    """Equal keys and partitions; the months by name, so that no other partition is read."""
    equal = [f"t.`{name}` = s.`{name}`" for name in matched_columns(table)]
    named = ", ".join(f"'{month}'" for month in months)
    return " AND ".join([*([f"t.`{MONTH}` IN ({named})"] if months else []), *equal])

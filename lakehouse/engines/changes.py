"""The changes that a merge makes to a table: rows that are new or differ, and keys that vanished."""

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
    """Every row as an upsert."""
    return rows.withColumn(OPERATION, F.lit(UPSERT))


def differing(new: DataFrame, old: DataFrame, table: Table, compared: Sequence[str]) -> DataFrame:
    """The changes that make old rows equal to new ones: rows that differ or are new, keys that vanished."""
    # The partition is joined on too, so that it is known for a row that vanished; it follows from the key.
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
    """Whether at least one of the conditions holds; false if there are none."""
    rest = [F.lit(False), *conditions]
    # Joined in pairs, because one chain over all columns of a wide table is too deep for the plan's message.
    while len(rest) > 1:
        rest = [reduce(or_, rest[i : i + 2]) for i in range(0, len(rest), 2)]
    return rest[0]


def as_declared(rows: DataFrame, table: Table, *more: str) -> DataFrame:
    """The rows with only the table's columns, in its order and types, and `more` of their own."""
    # The columns of the frame are not read, because the engine would analyse all of it again.
    declared = (F.col(f"`{f.name}`").cast(f.type).alias(f.name) for f in table.fields)
    return rows.select(*declared, *more)


def matched_columns(table: Table) -> list[str]:
    """The columns by which rows are matched: the partition, then the key."""
    return list(dict.fromkeys([*([table.partition] if table.partition else []), *table.keys]))


def merge_condition(table: Table, months: Sequence[str]) -> str:
    """The condition for equal keys and partitions; it names the months, so that no other one is read."""
    equal = [f"t.`{name}` = s.`{name}`" for name in matched_columns(table)]
    named = ", ".join(f"'{month}'" for month in months)
    return " AND ".join([*([f"t.`{MONTH}` IN ({named})"] if months else []), *equal])

"""The columns of a table: what each means, and what its cells hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.table import Field, Table, quoted

_ORDERED = ("INT", "BIGINT", "DOUBLE", "FLOAT", "SMALLINT", "DATE", "TIMESTAMP")
_AVERAGED = _ORDERED[:5]


@dataclass(frozen=True)
class DescribedColumn:
    """A column and its cells: how many are NULL, the least, the mean and the greatest of the others.

    Only numbers have a mean; only numbers, days and times have a least and a greatest.
    """

    column: str
    type: str
    nulls: int
    min: Any
    mean: float | None
    max: Any
    meaning: str


def described(table: Table, rows: DataFrame) -> list[DescribedColumn]:
    """Each column that the rows have; the engine counts them in one pass. Personal cells are not shown."""
    fields = {each.name: each for each in table.fields}
    held = [(name, fields.get(name)) for name in rows.columns]
    asked = [
        aggregate.alias(f"{what}_{place}")
        for place, (name, field) in enumerate(held)
        for what, aggregate in _aggregates(name, field).items()
    ]
    row = rows.agg(F.count(F.lit(1)).alias("rows"), *asked).collect()[0].asDict()
    return [_column(place, name, field, row) for place, (name, field) in enumerate(held)]


def _aggregates(name: str, field: Field | None) -> dict[str, Column]:
    column, kind = F.col(quoted(name)), field.type if field and not field.personal else ""
    return {
        "known": F.count(column),
        **({"min": F.min(column), "max": F.max(column)} if kind in _ORDERED else {}),
        **({"mean": F.avg(column)} if kind in _AVERAGED else {}),
    }


def _column(place: int, name: str, field: Field | None, row: Mapping[str, Any]) -> DescribedColumn:
    return DescribedColumn(
        name,
        field.type if field else "STRING",
        row["rows"] - row[f"known_{place}"],
        row.get(f"min_{place}"),
        row.get(f"mean_{place}"),
        row.get(f"max_{place}"),
        field.doc if field else "A column of the raw file that is not declared.",
    )

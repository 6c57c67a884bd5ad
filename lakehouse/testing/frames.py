"""Tiny frames: the rows of a table, written as dicts, and what a table computes from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, TypeAlias

from lakehouse.errors import BadInput
from lakehouse.months import UNDATED
from lakehouse.nearest import meant
from lakehouse.table import MONTH, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Row: TypeAlias = Mapping[str, Any]
# The rows of the only upstream, or those of each upstream by its full name.
Given: TypeAlias = "Sequence[Row] | Mapping[str, Sequence[Row]]"
_DAY = date(2023, 5, 1)


def frame(table: Table, rows: Iterable[Row]) -> DataFrame:
    """A frame with the columns and types of a table; a column that a row does not name is NULL.

    A key that is not named gets a value of its own per row, and the date is 1 May 2023. The month is that of
    the date, or that of rows without one. A date may be given as text, as `2023-05-31`. BadInput for a column
    that the table lacks.
    """
    from lakehouse.engines.embedded import session

    types = ", ".join(f"`{field.name}` {field.type}" for field in table.fields)
    filled = [_filled(table, row, number) for number, row in enumerate(rows)]
    values = [tuple(row[name] for name in table.columns) for row in filled]
    return session().createDataFrame(values, types)


def computed(table: Table, given: Given, months: Sequence[str] | None = None) -> list[Row]:
    """The rows that a table computes from rows of its upstreams, in order of their keys.

    With `months`, only those of these months, as a refresh asks for them.
    """
    if table.transform is None:
        raise BadInput(f"{table.full_name} computes nothing; check a table that has a transform")
    rows_of = by_upstream(table, given)
    frames = [frame(each, rows_of[each.full_name]) for each in table.upstreams]
    asked = {"months": months} if table.look_back_months else {}
    rows = [row.asDict() for row in table.transform(*frames, **asked).collect()]
    if months is not None:
        rows = [row for row in rows if row[MONTH] in months]
    return sorted(rows, key=lambda row: key_of(table, row))


def by_upstream(table: Table, given: Given) -> dict[str, Sequence[Row]]:
    names = [upstream.full_name for upstream in table.upstreams]
    if not isinstance(given, Mapping):
        if len(names) != 1:
            raise BadInput(f"{table.full_name} reads {', '.join(names)}; give rows by these names")
        return {names[0]: given}
    for name in given:
        if name not in names:
            raise BadInput(f"{table.full_name} does not read {name}{_hint(name, names)}")
    return {name: given.get(name, ()) for name in names}


def _filled(table: Table, row: Row, number: int) -> dict[str, object]:
    for name in row:
        check_known(table, name)
    values = {
        field.name: value_of(table, field.name, row.get(field.name)) for field in table.fields
    }
    if table.date:
        values[table.date] = values[table.date] or _DAY
    for name in table.keys:
        values[name] = f"ROW_{number:04d}" if values[name] is None else values[name]
    if MONTH in values and values[MONTH] is None:
        values[MONTH] = month_of(table, values)
    return values


def value_of(table: Table, name: str, value: object) -> object:
    """The value of a column; a date that is written as text becomes one."""
    types = {field.name: field.type.upper() for field in table.fields}
    if types.get(name) == "DATE" and isinstance(value, str):
        return date.fromisoformat(value)
    return value


def check_known(table: Table, name: str) -> None:
    if name not in table.columns:
        raise BadInput(f"{table.full_name} has no column {name}{_hint(name, table.columns)}")


def _hint(name: str, names: Iterable[str]) -> str:
    near = meant(name, names)
    return f"; is it {near}?" if near else ""


def month_of(table: Table, row: Row) -> str:
    dated = UNDATED if table.is_undated else f"{row.get(table.date) or _DAY}"[:7]
    return str(row.get(MONTH) or dated)


def key_of(table: Table, row: Row) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in table.keys)


def spelt(table: Table, row: Row) -> str:
    return ", ".join(f"{name} {row[name]}" for name in table.keys)

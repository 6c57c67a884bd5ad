"""Faults of tables: names, types and meanings of columns, and what a table says of its upstreams."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Collection, Iterator, Sequence

from lakehouse.declared.names import PLAIN, instead, meaning_fault, twice, unknown
from lakehouse.declared.sql_names import condition_faults
from lakehouse.nearest import meant
from lakehouse.table import MONTH, Field, Table, snake_case
from lakehouse.words import counted

# Those that the log of Delta is written with; tests compare.
TYPES = ("STRING", "DATE", "TIMESTAMP", "DOUBLE", "INT", "BIGINT", "BOOLEAN")
_SIMPLE = "|".join(TYPES)
_TYPE = re.compile(rf"{_SIMPLE}|ARRAY<(?:{_SIMPLE})>|MAP<(?:{_SIMPLE}),(?:{_SIMPLE})>")
_FORMS = (*TYPES, "ARRAY<STRING>", "MAP<STRING,BIGINT>")


def catalog_faults(tables: Sequence[Table]) -> Iterator[str]:
    """Tables of one name, and upstreams that are none of the tables."""
    names = [table.full_name for table in tables]
    for name in twice(names):
        yield f"table {name} is declared twice; rename one, or leave it to one module"
    there = set(names)
    for table in tables:
        for upstream in table.upstreams:
            if upstream.full_name not in there:
                yield (
                    f"{table.full_name} is computed from {upstream.full_name}, which no module declares; "
                    f"{instead(upstream.full_name, names, 'the catalog')}"
                )


def table_faults(table: Table) -> Iterator[str]:
    """The faults in the declaration of a table, a line each."""
    place = table.full_name
    if not PLAIN.fullmatch(table.name):
        yield f"{place} has no plain name; write letters, digits and _, as label_store"
    if fault := meaning_fault(table.doc, "write as doc what one row is"):
        yield f"{place} {fault}"
    of_key = (*table.keys, table.partition)
    for field in table.fields:
        called = "feature" if table.group and field.name not in of_key else "column"
        shown = field.name if PLAIN.fullmatch(field.name) else repr(field.name)
        yield from _field_faults(f"{place}: {called} {shown}", field, bool(table.source))
    for name in twice(table.columns):
        called = "feature" if table.group and name not in of_key else "column"
        yield f"{place}: {called} {name} is declared twice; rename one"
    yield from _columns(place, table)
    if table.transform:
        yield from _computed(place, table)


def _field_faults(what: str, field: Field, is_raw: bool) -> Iterator[str]:
    # The name and meaning of a column of a raw file are checked in its source.
    if not is_raw:
        if not PLAIN.fullmatch(field.name):
            yield f"{what!s} has no plain name; write letters, digits and _"
        if fault := meaning_fault(field.doc, "write a docstring, or doc, that says what it is"):
            yield f"{what} {fault}"
    if not isinstance(field.type, str) or not _TYPE.fullmatch(field.type):
        near = meant(field.type, _FORMS)
        remedy = f"is it {near}?" if near else f"declare {', '.join(_FORMS[:-1])} or {_FORMS[-1]}"
        yield f"{what} has the type {field.type!r}, which no table can have; {remedy}"
    bounds = field.bounds
    if bounds and not bounds.low <= bounds.high:
        is_nan = math.isnan(bounds.low) or math.isnan(bounds.high)
        remedy = "give two numbers" if is_nan else "exchange them"
        yield f"{what} is bounded from {bounds.low:g} to {bounds.high:g}, which no value is; {remedy}"


def _columns(place: str, table: Table) -> Iterator[str]:
    """Columns that a table names and does not have."""
    columns = table.columns
    if not table.keys:
        yield f"{place} has no keys; declare the columns by which two rows are the same"
    for name in twice(table.keys):
        yield f"{place}: key {name} stands twice; remove one"
    yield from unknown(place, "key", table.keys, columns)
    if table.partition is not None:
        yield from unknown(place, "partition", [table.partition], columns)
    # The columns of a source are told as its own.
    if not table.source:
        yield from _whose_and_when(place, table)
    yield from unknown(place, "unversioned column", table.unversioned, columns)
    for name in table.unversioned:
        if name in table.keys:
            yield f"{place}: key {name} is declared as unversioned; a key says which row it is"
    yield from unknown(place, "raw_columns", (own for own, _ in table.raw_columns), columns)
    names = [name for name, _ in table.expectations]
    for name in twice(names):
        yield f"{place}: expectation {name} is declared twice; rename one"
    for name, sql in table.expectations:
        if not PLAIN.fullmatch(name):
            yield f"{place}: expectation {name!r} has no plain name; write letters, digits and _"
        yield from condition_faults(f"{place}: expectation {name}", sql, columns, place)


def _whose_and_when(place: str, table: Table) -> Iterator[str]:
    """An entity or date that the table lacks; of a silver table, what its source has to declare for it."""
    source = next((each.source for each in table.upstreams if each.source), None)
    for what, name in (("entity", table.entity), ("date", table.date)):
        raw = str(getattr(source, what, ""))
        is_raw = source is not None and name == snake_case(raw) and raw not in source.keys
        if source and is_raw and name and name not in table.columns:
            yield f"{place} lacks its {what} {raw}; add it to the keys of source {source.name}"
        elif name:
            yield from unknown(place, what, [name], table.columns)


def _computed(place: str, table: Table) -> Iterator[str]:
    """Faults in how a table is computed from its upstreams."""
    if not table.upstreams:
        yield f"{place} is computed and has no upstreams; declare the tables that it is computed from"
    above = list(dict.fromkeys(name for each in table.upstreams for name in each.columns))
    owner = " and ".join(each.full_name for each in table.upstreams)
    for own, raw in table.raw_columns:
        if raw not in above:
            yield f"{place}: column {own} is read from {raw}; {instead(raw, above, owner)}"
    yield from _decimals(place, table)
    yield from _rules(place, table)
    yield from _months(place, table, above, owner)
    yield from _parameters(place, table)


def _decimals(place: str, table: Table) -> Iterator[str]:
    """A source whose columns of numbers nobody can know, because own code reads its cells."""
    for each in table.upstreams:
        source = each.source
        if source and source.decimal == "," and source.numbers is None and not table.raw_columns:
            yield (
                f"{place} reads the cells of source {source.name} by its own code, and they have a decimal "
                "comma; declare as numbers of the source the columns whose 1.234,5 becomes 1234.5, or ()"
            )


def _rules(place: str, table: Table) -> Iterator[str]:
    cells = [own for own, _ in table.raw_columns]
    # Columns derived of the cells are not there yet; those that begin with _ are the lakehouse's own.
    own = [name for name in table.columns if name.startswith("_") or name == table.partition]
    there: Collection[str] = dict.fromkeys([*table.keys, *cells, *own])
    for column, sql in table.rules:
        yield from unknown(place, "rule of", [column], cells)
        later = [name for name in table.columns if name not in there]
        yield from condition_faults(f"{place}: the rule of {column}", sql, there, place, later)


def _months(place: str, table: Table, above: Sequence[str], owner: str) -> Iterator[str]:
    back, ahead = table.look_back_months, table.look_ahead_months
    for what, months in (("look_back_months", back), ("look_ahead_months", ahead)):
        if months < 0:
            yield f"{place} declares {what} {months}; declare 0 or more months"
    if MONTH not in table.columns or table.partition != MONTH:
        looks = f"looks {'back' if back else 'ahead'} over" if back or ahead else "is computed by"
        yield f"{place} {looks} months and has no month; add MONTH_FIELD, and partition it by that"
    if back and table.is_undated:
        yield f"{place} looks back over months, and no row above it has a date; declare look_back_months 0"
    for upstream in table.upstreams:
        if MONTH not in upstream.columns:
            yield f"{place} reads months of {upstream.full_name}, which has no month; add MONTH_FIELD there"
    if ahead and table.group:
        yield (
            f"{place} declares look_ahead_months {ahead}: a feature would know the future; declare 0, and a "
            "delay_days where it is known later"
        )
    if table.look_back_column and table.look_back_column not in above:
        near = instead(table.look_back_column, above, owner)
        yield f"{place}: look_back_column {table.look_back_column} is none of {owner}; {near}"


def _parameters(place: str, table: Table) -> Iterator[str]:
    """A line if the transformation, or its `prepare`, cannot be called with what it gets."""
    assert table.transform
    has_months = bool(table.look_back_months)
    months = {"months": None} if has_months else {}
    told = counted(len(table.upstreams), "table")
    given = told + (" and months" if has_months else "")
    yield from _called(
        f"{place}: its transformation", table.transform, given, *table.upstreams, **months
    )
    if prepare := getattr(table.transform, "prepare", None):
        yield from _called(
            f"{place}: prepare", prepare, f"{told} and months", *table.upstreams, None
        )


def _called(
    what: str, function: Callable[..., object], given: str, *values: object, **named: object
) -> Iterator[str]:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a builtin that does not tell
        return
    try:
        signature.bind(*values, **named)
    except TypeError as error:
        yield f"{what} takes {signature} and gets {given} ({error}); correct one"

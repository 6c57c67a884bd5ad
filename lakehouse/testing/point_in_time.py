"""Checks that a group knows no later row, and that a month computed by itself is the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from lakehouse.errors import BadInput
from lakehouse.table import MONTH, Table
from lakehouse.testing.checks import check_equal
from lakehouse.testing.examples import examples
from lakehouse.testing.frames import Given, Row, by_upstream, computed, month_of, value_of

_MOST_CUTS = 3


def check_group_is_point_in_time(table: Table, given: Given | None = None) -> None:
    """Check that no feature knows a later row: with the future cut off or scrambled it stays the same.

    Without rows it takes `examples`. BadInput if the rows are all of one day, or the table is not a group.
    """
    if table.group is None:
        raise BadInput(f"{table.full_name} is not a feature group; declare its `group`")
    rows = by_upstream(table, examples(table) if given is None else given)
    scrambled_by = examples(table, seed=1)
    whole = _some(table, computed(table, rows))
    for day in _cuts(table, rows):
        for how, changed in (
            ("cut off", _without_later(table, rows, day)),
            ("scrambled", _scrambled(table, rows, scrambled_by, day)),
        ):
            until = [row for row in computed(table, changed) if _is_until(row[table.date], day)]
            known = [row for row in whole if _is_until(row[table.date], day)]
            check_equal(table, known, until, f"with the rows after {day} {how}")


def check_each_month(table: Table, given: Given | None = None) -> None:
    """Check that each month computed by itself is as in all months: `look_back_months` is long enough.

    Without rows it takes `examples`.
    """
    rows = by_upstream(table, examples(table) if given is None else given)
    whole = _some(table, computed(table, rows))
    for month in sorted({str(row[MONTH]) for row in whole}):
        by_itself = computed(table, _of_months(table, rows, table.needed([month])), [month])
        expected = [row for row in whole if row[MONTH] == month]
        check_equal(table, expected, by_itself, f"computed for {month} by itself")


def _some(table: Table, whole: list[Row]) -> list[Row]:
    """The rows that a table computes; BadInput if there is none: a check of nothing proves nothing."""
    if not whole:
        raise BadInput(
            f"{table.full_name} computes no row from these rows, so nothing would be checked; give rows "
            "that pass its filters and joins"
        )
    return whole


def _of_months(
    table: Table, rows: Mapping[str, Sequence[Row]], months: set[str]
) -> dict[str, Sequence[Row]]:
    return _only(table, rows, lambda upstream, row: month_of(upstream, row) in months)


def _cuts(table: Table, rows: Mapping[str, Sequence[Row]]) -> list[date]:
    """Some days after which there is a later row, from early to late."""
    days = {
        day
        for upstream in table.upstreams
        for row in rows[upstream.full_name]
        if isinstance(day := value_of(upstream, upstream.date, row.get(upstream.date)), date)
    }
    if len(days) < 2:
        raise BadInput(f"{table.full_name}: the rows are all of one day; give rows of two days")
    ends = sorted(days)[:-1]
    return ends[:: math.ceil(len(ends) / _MOST_CUTS)]


def _is_until(value: object, day: date) -> bool:
    return isinstance(value, date) and value <= day


def _without_later(
    table: Table, rows: Mapping[str, Sequence[Row]], day: date
) -> Mapping[str, Sequence[Row]]:
    return _only(table, rows, lambda upstream, row: not _is_later(upstream, row, day))


def _only(
    table: Table, rows: Mapping[str, Sequence[Row]], is_wanted: Callable[[Table, Row], bool]
) -> dict[str, Sequence[Row]]:
    """The wanted rows of each upstream; reference data without a date stays whole."""
    return {
        each.full_name: [
            row for row in rows[each.full_name] if not each.date or is_wanted(each, row)
        ]
        for each in table.upstreams
    }


def _is_later(table: Table, row: Row, day: date) -> bool:
    value = value_of(table, table.date, row.get(table.date)) if table.date else None
    return isinstance(value, date) and value > day


def _scrambled(
    table: Table,
    rows: Mapping[str, Sequence[Row]],
    others: Mapping[str, Sequence[Row]],
    day: date,
) -> Mapping[str, Sequence[Row]]:
    """The rows, but later ones have the values of other rows under their own keys and days."""
    return {
        each.full_name: [
            _exchanged(each, row, others[each.full_name][number % len(others[each.full_name])])
            if _is_later(each, row, day)
            else row
            for number, row in enumerate(rows[each.full_name])
        ]
        for each in table.upstreams
    }


def _exchanged(table: Table, row: Row, other: Row) -> Row:
    kept = {*table.keys, table.entity, table.date, MONTH}
    return {name: (row if name in kept else other).get(name) for name in table.columns}

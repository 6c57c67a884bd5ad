"""Checks that a table computes the expected rows, and a feature the expected values."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lakehouse.errors import BadInput
from lakehouse.table import Table
from lakehouse.testing.frames import Given, Row, check_known, computed, key_of, spelt, value_of


def check_rows(table: Table, given: Given, expected: Sequence[Row]) -> None:
    """Check that a table computes the expected rows and no others.

    An expected row names the keys that tell it apart, and the columns that matter.
    """
    left = computed(table, given)
    for wanted in expected:
        keys = {name: value_of(table, name, wanted[name]) for name in table.keys if name in wanted}
        found = [row for row in left if all(row[name] == keys[name] for name in keys)]
        assert len(found) == 1, f"{table.full_name} has {len(found)} rows of {dict(keys)}"
        left.remove(found[0])
        for name, value in wanted.items():
            check_known(table, name)
            _check_same(table, found[0], name, value_of(table, name, value))
    assert not left, f"{table.full_name} has a row that is not expected: {spelt(table, left[0])}"


def check_feature(table: Table, name: str, *cases: tuple[Row, object]) -> None:
    """Check a feature of a group: each case is one row of its upstream, and the value expected of it."""
    check_known(table, name)
    if len(table.upstreams) != 1:
        raise BadInput(
            f"{table.full_name} joins several tables; check it with check_rows, with rows of each of them"
        )
    (upstream,) = table.upstreams
    alone = [name for name in (upstream.entity,) if name]
    given = [
        {**dict.fromkeys(alone, f"CASE_{n:04d}"), **inputs} for n, (inputs, _) in enumerate(cases)
    ]
    rows = computed(table, given)
    assert len(rows) == len(cases), f"{table.full_name} has {len(rows)} rows of {len(cases)} cases"
    for row, (inputs, expected) in zip(rows, cases, strict=True):
        assert _same(row[name], expected), (
            f"{table.full_name}: {name} of {dict(inputs)} is {row[name]!r}, not {expected!r}"
        )


def check_equal(table: Table, expected: Sequence[Row], found: Sequence[Row], when: str) -> None:
    keys = [key_of(table, row) for row in expected]
    assert keys == [key_of(table, row) for row in found], (
        f"{table.full_name} has other rows {when}: {len(found)}, not {len(keys)}"
    )
    for wanted, row in zip(expected, found, strict=True):
        for name, value in wanted.items():
            _check_same(table, row, name, value, when)


def _check_same(table: Table, row: Row, name: str, expected: object, when: str = "") -> None:
    assert _same(row[name], expected), (
        f"{table.full_name}: {name} of {spelt(table, row)} is {row[name]!r}, not {expected!r}"
        f"{when and ', '}{when}"
    )


def _same(found: object, expected: object) -> bool:
    if isinstance(found, float) and isinstance(expected, (int, float)):
        # Sums of doubles depend on their order.
        return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12) or (
            math.isnan(found) and math.isnan(expected)
        )
    return found == expected

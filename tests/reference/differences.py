"""Two tables row for row: what is missing, what is too much, and which cells differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from duckdb import DuckDBPyConnection, DuckDBPyRelation

if TYPE_CHECKING:
    import pyarrow as pa

MOST_LINES = 20


def differences(
    expected: DuckDBPyRelation,
    actual: DuckDBPyRelation | pa.Table,
    keys: Sequence[str],
    connection: DuckDBPyConnection,
    tolerance: float = 1e-9,
) -> list[str]:
    """The differences of the actual table from the expected one, one per line; empty if they agree.

    A double may be off by `tolerance` of its size; every other cell agrees exactly, NULL as well.
    """
    if not isinstance(actual, DuckDBPyRelation):
        actual = connection.from_arrow(actual)
    types = dict(zip(expected.columns, map(str, expected.types), strict=True))
    found = _of_columns(types, dict(zip(actual.columns, map(str, actual.types), strict=True)))
    if any(key not in actual.columns for key in keys):
        return found
    for side, rows in (("expected", expected), ("actual", actual)):
        connection.execute(f"DROP TABLE IF EXISTS _{side}")
        rows.query(
            "given_rows", f"CREATE TEMP TABLE _{side} AS SELECT *, true AS _is FROM given_rows"
        )
        found += _of_keys(side, keys, connection)
    shared = [name for name in types if name in actual.columns and name not in keys]
    found += _of_rows(keys, connection)
    found += _of_cells({name: types[name] for name in shared}, keys, tolerance, connection)
    return found[:MOST_LINES] + (["..."] if len(found) > MOST_LINES else [])


def _of_columns(expected: dict[str, str], actual: dict[str, str]) -> list[str]:
    missing = [f"column {name} is missing" for name in expected if name not in actual]
    extra = [f"column {name} is extra" for name in actual if name not in expected]
    return [*missing, *extra] + [
        f"column {name} is {actual[name]}, expected {type_}"
        for name, type_ in expected.items()
        if actual.get(name, type_) != type_
    ]


def _of_keys(side: str, keys: Sequence[str], connection: DuckDBPyConnection) -> list[str]:
    """Keys that several rows of one side share."""
    twice = connection.execute(
        f"SELECT {', '.join(keys)}, count(*) FROM _{side} GROUP BY ALL HAVING count(*) > 1"
    ).fetchall()
    first = f", e.g. {_spelt(twice[0][:-1])}" if twice else ""
    return [f"{len(twice):,} keys are not unique in the {side} rows{first}"] if twice else []


def _of_rows(keys: Sequence[str], connection: DuckDBPyConnection) -> list[str]:
    found = []
    for what, here, there in (("missing", "expected", "actual"), ("extra", "actual", "expected")):
        rows = connection.execute(
            f"SELECT {', '.join(keys)} FROM _{here} h WHERE NOT EXISTS"
            f" (SELECT 1 FROM _{there} t WHERE {_same('h', 't', keys)}) ORDER BY ALL"
        ).fetchall()
        if rows:
            found.append(f"{len(rows):,} rows are {what}, e.g. {_spelt(rows[0])}")
    return found


def _of_cells(
    types: dict[str, str], keys: Sequence[str], tolerance: float, connection: DuckDBPyConnection
) -> list[str]:
    """A line a column: how many of its cells differ, and the first of them by key."""
    if not types:
        return []
    joined = f"FROM _expected e JOIN _actual a ON {_same('e', 'a', keys)}"
    differs = {name: _differs(name, type_, tolerance) for name, type_ in types.items()}
    counted = ", ".join(f"count(*) FILTER (WHERE {each})" for each in differs.values())
    counts = connection.execute(f"SELECT {counted} {joined}").fetchone() or ()
    found = []
    for name, count in ((n, c) for n, c in zip(types, counts, strict=True) if c):
        shown = ", ".join(f"e.{key}" for key in keys)
        *key, old, new = connection.execute(
            f'SELECT {shown}, e."{name}", a."{name}" {joined} WHERE {differs[name]}'
            f" ORDER BY {shown} LIMIT 1"
        ).fetchall()[0]
        where = f"e.g. {_spelt(key)}: {new!r}, expected {old!r}"
        found.append(f"column {name} differs in {count:,} rows, {where}")
    return found


def _differs(name: str, type_: str, tolerance: float) -> str:
    one, other = f'e."{name}"', f'a."{name}"'
    differs = f"{one} IS DISTINCT FROM {other}"
    if type_ not in ("DOUBLE", "FLOAT"):
        return differs
    # To DuckDB NaN is above every number and equal to itself, so it would be near to anything.
    finite = f"isfinite({one}) AND isfinite({other})"
    near = f"abs({one} - {other}) <= {tolerance!r} * greatest(abs({one}), abs({other}))"
    return f"({differs} AND NOT coalesce({finite} AND {near}, false))"


def _same(one: str, other: str, keys: Sequence[str]) -> str:
    return " AND ".join(f'{one}."{key}" IS NOT DISTINCT FROM {other}."{key}"' for key in keys)


def _spelt(key: Sequence[object]) -> str:
    return " ".join(str(each) for each in key)

"""`differences` finds each way in which two tables can part, and says where."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from tests.reference.differences import differences


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute(
            "CREATE TABLE two_rows AS SELECT id, n, x::DOUBLE AS x"
            " FROM (VALUES ('a', 1, 0.5), ('b', NULL, 2.0)) AS t(id, n, x)"
        )
        yield opened


def found(connection: duckdb.DuckDBPyConnection, actual: str) -> list[str]:
    expected = connection.table("two_rows")
    return differences(expected, connection.sql(actual), ["id"], connection)


def test_equal_tables_do_not_differ(connection: duckdb.DuckDBPyConnection) -> None:
    assert found(connection, "SELECT x, n, id FROM two_rows ORDER BY id DESC") == []


def test_an_arrow_table_is_taken_as_well(connection: duckdb.DuckDBPyConnection) -> None:
    arrow = connection.table("two_rows").to_arrow_table()
    assert differences(connection.table("two_rows"), arrow, ["id"], connection) == []


@pytest.mark.parametrize(
    ("actual", "line"),
    [
        (
            "SELECT * REPLACE (7 AS n) FROM two_rows WHERE id = 'a' UNION ALL"
            " FROM two_rows WHERE id = 'b'",
            "column n differs in 1 rows, e.g. a: 7, expected 1",
        ),
        (
            "SELECT * REPLACE (coalesce(n, 0) AS n) FROM two_rows",
            "column n differs in 1 rows, e.g. b: 0, expected None",
        ),
        (
            "SELECT * REPLACE (nullif(x, 2) AS x) FROM two_rows",
            "column x differs in 1 rows, e.g. b: None, expected 2.0",
        ),
        (
            "SELECT * REPLACE ('nan'::DOUBLE AS x) FROM two_rows",
            "column x differs in 2 rows, e.g. a: nan, expected 0.5",
        ),
        (
            "SELECT * REPLACE (x * (1 + 1e-8) AS x) FROM two_rows WHERE id = 'b'"
            " UNION ALL FROM two_rows WHERE id = 'a'",
            "column x differs in 1 rows, e.g. b: 2.00000002, expected 2.0",
        ),
        ("FROM two_rows WHERE id = 'a'", "1 rows are missing, e.g. b"),
        ("FROM two_rows UNION ALL SELECT 'c', 1, 1.0", "1 rows are extra, e.g. c"),
        (
            "FROM two_rows UNION ALL FROM two_rows WHERE id = 'a'",
            "1 keys are not unique in the actual rows, e.g. a",
        ),
        ("SELECT id, n FROM two_rows", "column x is missing"),
        ("SELECT *, 1 AS y FROM two_rows", "column y is extra"),
        ("SELECT n, x FROM two_rows", "column id is missing"),
        (
            "SELECT * REPLACE (n::BIGINT AS n) FROM two_rows",
            "column n is BIGINT, expected INTEGER",
        ),
    ],
)
def test_each_difference_is_named(
    connection: duckdb.DuckDBPyConnection, actual: str, line: str
) -> None:
    assert found(connection, actual) == [line]


def test_a_double_may_be_off_by_its_last_digits(connection: duckdb.DuckDBPyConnection) -> None:
    assert found(connection, "SELECT * REPLACE (x * (1 + 1e-12) AS x) FROM two_rows") == []


def test_many_findings_are_cut(connection: duckdb.DuckDBPyConnection) -> None:
    extra = ", ".join(f"1 AS y{i}" for i in range(30))
    lines = found(connection, f"SELECT *, {extra} FROM two_rows")
    assert len(lines) == 21
    assert lines[-1] == "..."

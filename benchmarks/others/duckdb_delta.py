"""The same gold by DuckDB and deltalake: the months that gold has not yet, straight from the raw files.

    python benchmarks/others/duckdb_delta.py --data data --out /tmp/gold [--through 2024-11]

No bronze, no silver, no quarantine, no history; a correction of an existing month is not seen. Four forms of
the clickstream's windows were tried (frames, each row spread over six months, a join by range, five joins
by month); this is the fastest.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
from deltalake import write_deltalake

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.others.append import given, pending, taken
from benchmarks.others.rules import (
    LABELLED,
    LONGEST_MONTHS,
    MEASURED,
    SIGNALS,
    SOURCE_OF,
    WINDOWS_MONTHS,
    raw_file,
)
from tests.reference.gold import ATTRIBUTES, LABEL_STORE, MACROS, financials_sql

BATCH_ROWS = 50_000

CLICKSTREAM = """
WITH typed AS (
    SELECT Customer_ID AS customer_id, snapshot_date,
           12 * year(snapshot_date) + month(snapshot_date) AS t, {signals}
    FROM delivered_clickstream
), clicks AS MATERIALIZED (
    SELECT *, list_sum([{names}])::BIGINT AS activity FROM typed
)
SELECT m0.customer_id, m0.snapshot_date, {own}, m0.activity AS activity_sum, {statistics},
       {seen} AS months_observed, {previous} AS months_since_previous,
       strftime(m0.snapshot_date, '%Y-%m') AS month
FROM clicks AS m0 {joins}
"""


def clickstream_sql() -> str:
    """Each month of clicks beside the five before it."""
    ages = range(1, LONGEST_MONTHS)
    return CLICKSTREAM.format(
        signals=", ".join(f"whole({name}, -1e6, 1e6)::BIGINT AS {name}" for name in SIGNALS),
        names=", ".join(SIGNALS),
        own=", ".join(f"m0.{name}" for name in SIGNALS),
        statistics=", ".join(_statistics(n, months) for n in MEASURED for months in WINDOWS_MONTHS),
        seen=" + ".join(["1", *(f"(m{age}.t IS NOT NULL)::INTEGER" for age in ages)]),
        previous="CASE " + " ".join(f"WHEN m{age}.t IS NOT NULL THEN {age}" for age in ages) + " END",
        joins=" ".join(
            f"LEFT JOIN clicks AS m{age} ON m{age}.customer_id = m0.customer_id"
            f" AND m{age}.t = m0.t - {age}"
            for age in ages
        ),
    )  # fmt: skip


def _statistics(name: str, months: int) -> str:
    values = [f"m{age}.{name}" for age in range(months)]
    n = _sum(f"({value} IS NOT NULL)::BIGINT" for value in values)
    x = _sum(f"coalesce({value}, 0)" for value in values)
    xx = _sum(f"coalesce({value} * {value}, 0)" for value in values)
    a, aa = (
        _sum(f"({value} IS NOT NULL)::BIGINT * {age**power}" for age, value in enumerate(values))
        for power in (1, 2)
    )
    ax = _sum(f"coalesce({value} * {age}, 0)" for age, value in enumerate(values))
    return (
        f"{x} / nullif({n}, 0) AS {name}_mean_{months}m, "
        f"sqrt(({n} * {xx} - {x} * {x}) / nullif({n} * ({n} - 1), 0)) AS {name}_std_{months}m, "
        f"({a} * {x} - {n} * {ax}) / nullif({n} * {aa} - {a} * {a}, 0) AS {name}_trend_{months}m"
    )


def _sum(terms: Iterator[str]) -> str:
    return f"({' + '.join(terms)})"


SQL = {
    "features_clickstream": clickstream_sql(),
    "features_attributes": ATTRIBUTES,
    "features_financials": financials_sql(),
    "label_store": LABEL_STORE,
}


def held(connection: duckdb.DuckDBPyConnection, name: str, raw: str) -> set[str]:
    """The months of raw rows that a gold table has rows of."""
    has = f"WHERE installment_num IN ({_listed(LABELLED)})" if name == "label_store" else ""
    found = connection.execute(
        f"SELECT DISTINCT left(snapshot_date, 7) FROM {raw} {has}"
    ).fetchall()
    return {month for (month,) in found}


def write(
    connection: duckdb.DuckDBPyConnection, raw: str, name: str, out: Path, months: Sequence[str]
) -> None:
    """Append the months of one gold table."""
    source = SOURCE_OF[name]
    dates = ["snapshot_date", *(["loan_start_date"] if source == "loan_daily" else [])]
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP VIEW delivered_{source} AS
        SELECT * REPLACE ({", ".join(f"{day}::DATE AS {day}" for day in dates)}) FROM {raw}
        WHERE left(snapshot_date, 7) IN ({_listed(taken(name, months))})
        """
    )
    rows = connection.sql(f"FROM ({SQL[name]}) WHERE month IN ({_listed(months)})")
    write_deltalake(
        out / name, rows.to_arrow_reader(BATCH_ROWS), mode="append", partition_by=["month"]
    )


def raw_rows(name: str, data: Path) -> str:
    """SQL: the raw rows that a gold table is made of."""
    path = raw_file(data, SOURCE_OF[name])
    return f"read_csv('{path}', header = true, all_varchar = true, quote = '\"', escape = '\"')"


def _listed(months: Sequence[str]) -> str:
    return ", ".join(f"'{month}'" for month in months)


def main() -> None:
    asked = given(__doc__)
    settings = {"memory_limit": "2GiB", "temp_directory": str(asked.out / ".spill")}
    # DuckDB makes the folder itself, but not the one above it.
    asked.out.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config=settings) as connection:
        connection.execute(MACROS)
        for name in SQL:
            raw = raw_rows(name, asked.data)
            months = pending(asked.out / name, held(connection, name, raw), asked.through)
            if months:
                write(connection, raw, name, asked.out, months)


if __name__ == "__main__":
    main()

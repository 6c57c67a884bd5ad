"""Compares the gold of another pipeline with that of the lakehouse, cell by cell; exit code 1 if they differ.

python benchmarks/others/agree.py datamart/gold /tmp/gold
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.others.rules import GOLD
from tests.reference.gold import KEYS, differences

# Another formula gives 1e-17 for a trend of 0, and the relative difference of these is not defined.
NOTHING = 1e-9


def unlike(expected: Path, gold: Path) -> list[str]:
    """The differences of each gold table from the expected one, one per line; empty if they agree."""
    found = []
    with duckdb.connect() as connection:
        for name in GOLD:
            ours = connection.from_arrow(_delta(expected / name))
            theirs = _read(connection, gold / name)
            lines = differences(
                ours.project(_projection(ours)),
                theirs.project(_projection(ours)),
                KEYS[f"gold.{name}"],
                connection,
            )
            found += [f"{name}: {line}" for line in lines]
    return found


def _delta(path: Path) -> pa.Table:
    rows = QueryBuilder().register("t", DeltaTable(path)).execute("SELECT * FROM t")
    return pa.table(rows.read_all())


def _read(connection: duckdb.DuckDBPyConnection, path: Path) -> duckdb.DuckDBPyRelation:
    if DeltaTable.is_deltatable(str(path)):
        return connection.from_arrow(_delta(path))
    return connection.read_parquet(f"{path}/*/*.parquet")


def _projection(ours: duckdb.DuckDBPyRelation) -> str:
    """Our columns, in our types."""
    return ", ".join(
        f"CASE WHEN abs({name}) < {NOTHING} THEN 0 ELSE {name}::DOUBLE END AS {name}"
        if str(type_) == "DOUBLE"
        else f"{name}::{type_} AS {name}"
        for name, type_ in zip(ours.columns, ours.types, strict=True)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("expected", type=Path, help="the lakehouse's folder of gold tables")
    parser.add_argument("gold", type=Path, help="the other's")
    asked = parser.parse_args()
    found = unlike(asked.expected, asked.gold)
    print("\n".join(found) or "equal")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()

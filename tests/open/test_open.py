"""Every gold table at every release, read by programs that know nothing of the lakehouse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from lakehouse import Lakehouse
from lakehouse.catalog import load
from lakehouse.generate import generate
from lakehouse.table import Table
from tests.bank import Bank

GOLD = [table for table in load().tables if table.layer == "gold"]
RELEASES = (1, 2)
PLAIN_TYPES = ["string", "date", "double", "integer", "long", "boolean"]
# DuckDB loads an extension of its very version alone, and PyPI has none of the one that we use.
DUCKDB_DELTA = Path(sys.prefix, "duckdb-delta")
GET_DUCKDB_DELTA = (
    f"pip install --no-deps --target {DUCKDB_DELTA} duckdb==1.5.5 duckdb-extension-delta==1.5.5"
)
DELTA_SCAN = """
import json, sys, duckdb
extension, asked = sys.argv[1], json.loads(sys.argv[2])
duckdb.load_extension(extension)
for path, version, out in asked:
    rows = duckdb.sql(f"FROM delta_scan('{path}', version = {version})")
    rows.to_parquet(out)
"""
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lakehouse:
    """A datamart of two releases, the second with more months and windows."""
    bank = Bank(tmp_path_factory.mktemp("open"))
    generate(bank.data, customers=30, months=4, seed=3)
    bank.run(through="2023-08")
    bank.run()
    return Lakehouse(bank.datamart, engine="embedded")


@pytest.fixture(scope="module")
def engine_rows(lake: Lakehouse) -> Callable[[Table, int], Rows]:
    """The rows of a table at a release, as the lake gives them."""

    @cache
    def rows(table: Table, release: int) -> Rows:
        found = lake.at(release=release).table(table.full_name).toArrow()
        assert found.num_rows
        return in_order(found, table)

    return rows


def in_order(rows: pa.Table, table: Table) -> Rows:
    """The rows as Python values, by key, each with its columns by name."""
    found = [dict(sorted(row.items())) for row in rows.to_pylist()]
    return sorted(found, key=lambda row: [row[key] for key in table.keys])


def place(lake: Lakehouse, table: Table, release: int) -> tuple[str, int]:
    """Path and version of a table at a release, as anybody finds them."""
    releases = DeltaTable(f"{lake.datamart}/ledger/releases").to_pandas().set_index("release")
    return f"{lake.datamart}/{table.path}", dict(releases.versions[release])[table.full_name]


# Every row has such a text: a filter on it goes down to where each program reads.
def text_of(path: str) -> tuple[str, str]:
    """A column of text, and a text that is less than those of every row."""
    table = next(each for each in GOLD if path.endswith(each.path))
    return (table.entity, "CUS_") if table.entity else (table.partition, "2000-01")


def duckdb_over_arrow(path: str, version: int) -> pa.Table:
    rows = DeltaTable(path, version).to_pyarrow_table()
    column, least = text_of(path)
    return duckdb.from_arrow(rows).filter(f"{column} >= '{least}'").to_arrow_table()


def duckdb_over_files(path: str, version: int) -> pa.Table:
    files = DeltaTable(path, version).file_uris()
    rows = duckdb.read_parquet(files, hive_partitioning=True, union_by_name=True)
    column, least = text_of(path)
    return rows.filter(f"{column} >= '{least}'").to_arrow_table()


def polars_scan(path: str, version: int) -> pa.Table:
    column, least = text_of(path)
    rows = pl.scan_delta(path, version=version).filter(pl.col(column) >= least)
    return rows.collect().to_arrow()


READERS: dict[str, Callable[[str, int], pa.Table]] = {
    "deltalake": lambda path, version: DeltaTable(path, version).to_pyarrow_table(),
    "pandas": lambda path, version: pa.Table.from_pandas(
        DeltaTable(path, version).to_pandas(), preserve_index=False
    ),
    "duckdb-over-arrow": duckdb_over_arrow,
    "duckdb-over-files": duckdb_over_files,
    "polars-read": lambda path, version: pl.read_delta(path, version=version).to_arrow(),
    "polars-scan": polars_scan,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("table", GOLD, ids=lambda table: table.name)
def test_others_read_the_rows_of_each_release(
    lake: Lakehouse, engine_rows: Callable[[Table, int], Rows], table: Table, reader: str
) -> None:
    for release in RELEASES:
        found = READERS[reader](*place(lake, table, release))
        assert in_order(found, table) == engine_rows(table, release)


def test_duckdbs_own_delta_extension_reads_the_rows_of_each_release(
    lake: Lakehouse, engine_rows: Callable[[Table, int], Rows], tmp_path: Path
) -> None:
    extension = next(DUCKDB_DELTA.rglob("delta.duckdb_extension"), None)
    if extension is None:
        pytest.skip(f"no Delta extension of DuckDB; {GET_DUCKDB_DELTA}")
    asked = {
        (table, release): (*place(lake, table, release), str(tmp_path / f"{table.name}-{release}"))
        for table in GOLD
        for release in RELEASES
    }
    subprocess.run(
        [sys.executable, "-c", DELTA_SCAN, str(extension), json.dumps([*asked.values()])],
        env={**os.environ, "PYTHONPATH": str(DUCKDB_DELTA)},
        check=True,
    )
    for (table, release), (*_, file) in asked.items():
        found = pq.read_table(file, partitioning=None)
        assert in_order(found, table) == engine_rows(table, release)


@pytest.mark.parametrize("table", GOLD, ids=lambda table: table.name)
def test_columns_are_of_types_that_every_program_has(lake: Lakehouse, table: Table) -> None:
    for release in RELEASES:
        fields = DeltaTable(*place(lake, table, release)).schema().fields
        types = {field.name: json.loads(field.type.to_json()) for field in fields}
        assert len(types) == len(table.fields)
        assert {name: each for name, each in types.items() if each not in PLAIN_TYPES} == {}

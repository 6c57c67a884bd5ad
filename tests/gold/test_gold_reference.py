"""Gold equals a reference in DuckDB SQL, row for row, on the shipped and on the real data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import QueryBuilder

from lakehouse.catalog import load
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.run.job import Job
from lakehouse.run.run import run
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from tests.reference.gold import KEYS, differences, reference_gold

ROOT = Path(__file__).parent.parent.parent
GOLD = [table.full_name for table in load().tables if table.layer == "gold"]

# Tables about all loans together have few rows.
FEWEST = {"gold.vintages": 800, "gold.roll_rates": 150}


def build(data: Path, datamart: Path) -> Path:
    run(Job(data, Datamart.at(datamart, load()), lambda datamart, _size: EmbeddedStore(datamart)))
    return datamart


def read(datamart: Path, name: str) -> pa.Table:
    table = Log(str(datamart)).open(load().table(name))
    return pa.table(QueryBuilder().register("t", table).execute("SELECT * FROM t").read_all())


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


@pytest.fixture(scope="module")
def of_shipped_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT / "data", tmp_path_factory.mktemp("shipped"))


@pytest.fixture(scope="module")
def of_real_data(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(shared_data, tmp_path_factory.mktemp("real"))


def test_every_gold_table_has_a_reference() -> None:
    assert sorted(KEYS) == sorted(GOLD)


@pytest.mark.parametrize("name", GOLD)
def test_gold_of_the_shipped_data_equals_the_reference_row_for_row(
    name: str, of_shipped_data: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    expected, actual = reference_gold(ROOT / "data", connection)[name], read(of_shipped_data, name)

    assert actual.num_rows > FEWEST.get(name, 1000)
    assert differences(expected, actual, KEYS[name], connection) == []


@pytest.mark.slow
@pytest.mark.each
@pytest.mark.parametrize("name", GOLD)
def test_gold_of_the_real_data_equals_the_reference_row_for_row(
    name: str, of_real_data: Path, shared_data: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    expected, actual = reference_gold(shared_data, connection)[name], read(of_real_data, name)

    assert actual.num_rows > FEWEST.get(name, 3000)
    assert differences(expected, actual, KEYS[name], connection) == []


@pytest.mark.slow
@pytest.mark.each
def test_28_8_percent_of_the_real_loans_default_give_or_take_a_point(of_real_data: Path) -> None:
    rows = read(of_real_data, "gold.label_store").select(["label_def", "label"]).to_pylist()
    labels = [row["label"] for row in rows if row["label_def"] == "30dpd_6mob"]

    assert len(labels) > 3000
    assert 0.278 <= sum(labels) / len(labels) <= 0.298

"""The second bank works whole: its gold equals SQL, and every command takes its declarations."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import QueryBuilder

from examples.czech.generate import SIZES, write
from lakehouse.catalog import load
from lakehouse.storage.log import Log
from lakehouse.testing import check_each_month, check_group_is_point_in_time, check_rows
from tests.reference.czech import KEYS, reference_czech
from tests.reference.differences import differences

ROOT = Path(__file__).parent.parent.parent
BANK = ROOT / "examples/czech"
GOLD = [*KEYS]


def call(root: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Call main.py with the bank's tables, in a folder with its `data`."""
    return subprocess.run(
        [sys.executable, ROOT / "main.py", *map(str, words), "--tables", BANK],
        cwd=root, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def done(root: Path, *words: str | Path) -> str:
    """The output of a command that has done it."""
    ended = call(root, *words)
    assert (ended.returncode, "error" in ended.stderr) == (0, False), ended.stderr
    return ended.stdout


def gold(datamart: Path, name: str) -> pa.Table:
    table = Log(str(datamart)).open(load(BANK).table(name))
    return pa.table(QueryBuilder().register("t", table).execute("SELECT * FROM t").read_all())


def faults(datamart: Path, data: Path) -> dict[str, list[str]]:
    """The differences of each gold table from the reference in SQL; none if all cells agree."""
    with duckdb.connect() as connection:
        expected = reference_czech(data, connection)
        found = {
            name: differences(expected[name], gold(datamart, name), KEYS[name], connection)
            for name in GOLD
        }
    return {name: lines for name, lines in found.items() if lines}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small bank's files, and with its datamart; only read it."""
    root = tmp_path_factory.mktemp("small")
    write(root / "data", SIZES["small"])
    assert "Release 1 published" in done(root, "run")
    return root


@pytest.fixture(scope="module")
def medium(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("medium")
    write(root / "data", SIZES["medium"])
    done(root, "run")
    return root


def test_every_gold_table_has_a_reference() -> None:
    assert sorted(KEYS) == sorted(t.full_name for t in load(BANK).tables if t.layer == "gold")


def test_the_generator_writes_the_same_5_000_transactions_each_time(tmp_path: Path) -> None:
    one, other = (write(tmp_path / name, SIZES["small"]) for name in ("one", "other"))
    files = sorted(file.name for file in one.iterdir())
    assert len(files) == 8
    assert all((one / name).read_bytes() == (other / name).read_bytes() for name in files)
    assert 4_900 < len((one / "trans.asc").read_text().splitlines()) < 5_100


def test_gold_of_the_small_bank_equals_the_reference_in_all_cells(small: Path) -> None:
    assert [gold(small / "datamart", name).num_rows for name in GOLD] == [1273, 1273, 38]
    assert faults(small / "datamart", small / "data") == {}


def test_a_run_again_and_a_plan_have_nothing_to_do(small: Path) -> None:
    assert "Nothing is pending" in done(small, "run")
    assert "Nothing is pending" in done(small, "plan")


def test_a_training_set_has_a_row_of_each_loan_that_is_over(small: Path) -> None:
    made = json.loads(done(small, "training-set", "--out", "train.parquet", "--json"))
    rows = pq.read_table(small / "train.parquet").to_pylist()
    loans = [line.split(";") for line in (small / "data/loan.asc").read_text().splitlines()[1:]]
    labels = {row["loan_id"]: row["label"] for row in rows}
    assert labels == {loan[0]: int(loan[6] == '"B"') for loan in loans if loan[6] in ('"A"', '"B"')}
    running = sum(loan[6] in ('"C"', '"D"') for loan in loans)
    assert made["waterfall"]["too_young"] == running > 0
    # Point-in-time to the day: features are those of the very day of the loan.
    for row in rows:
        days = {row["client_snapshot_date"], row["turnover_snapshot_date"]}
        assert days == {row["application_date"]} and row["label_observed"] > row["application_date"]


# The promises of the groups


def test_what_is_booked_on_the_day_itself_or_180_days_before_it_is_not_known() -> None:
    turnover = load(BANK).table("gold.features_turnover")
    days = [{"client_id": "1", "account_id": "7", "as_of_day": "1995-07-30", "month": "1995-07"}]
    booked = [
        {"account_id": "7", "booked_on": day, "trans_id": str(n), "balance": balance,
         "amount": amount, "is_in": True, "is_cash": False, "month": day[:7]}
        for n, (day, amount, balance) in enumerate(
            [("1995-01-30", 1.0, 1.0), ("1995-01-31", 2.0, 2.0), ("1995-06-29", 30.0, 3.0),
             ("1995-06-30", 400.0, 4.0), ("1995-07-29", 5e3, 5.0), ("1995-07-30", 6e4, 6.0)]
        )
    ]  # fmt: skip
    expected = {
        "turnover_in_180d": 5432.0, "turnover_in_90d": 5430.0, "turnover_in_30d": 5400.0,
        "balance_min_180d": 2.0, "transactions_30d": 2, "days_since_transaction": 1,
    }  # fmt: skip
    given = {"silver.client_day": days, "silver.trans": booked}
    check_rows(turnover, given, [expected])


@pytest.mark.parametrize("name", ["gold.features_turnover", "gold.features_client"])
def test_no_group_knows_the_future_and_each_month_is_computed_by_itself(name: str) -> None:
    check_group_is_point_in_time(load(BANK).table(name))
    check_each_month(load(BANK).table(name))


def test_a_figure_of_a_year_is_known_once_the_year_is_over() -> None:
    clients = load(BANK).table("gold.features_client")
    given = {
        "silver.client_day": [
            {"client_id": "1", "account_id": "7", "as_of_day": day, "month": day[:7]}
            for day in ("1995-12-31", "1996-01-01", "1997-01-01")
        ],
        "silver.client": [{"client_id": "1", "born_in": "1960-01-01", "district_id": "9"}],
        "silver.account": [{"account_id": "7", "opened_on": "1995-12-01"}],
        "silver.district": [{"a1": "9", "a12": 2.0, "a13": 4.0}],
    }
    expected: list[dict[str, Any]] = [
        {"as_of_day": date(1995, 12, 31), "district_unemployment_ratio": None, "age": 35},
        {"as_of_day": date(1996, 1, 1), "district_unemployment_ratio": 0.02, "age": 36},
        {"as_of_day": date(1997, 1, 1), "district_unemployment_ratio": 0.04, "age": 37},
    ]
    check_rows(clients, given, expected)


# The larger bank


@pytest.mark.slow
@pytest.mark.each
def test_gold_of_the_medium_bank_equals_the_reference_in_all_cells(medium: Path) -> None:
    assert faults(medium / "datamart", medium / "data") == {}


@pytest.mark.slow
@pytest.mark.each
def test_the_audit_passes_all_checks_and_a_model_says_what_it_is_worth(medium: Path) -> None:
    assert "Nothing leaks: 22 checks passed" in done(medium, "audit")
    model = json.loads(done(medium, "model", "--test-months", "6", "--json"))
    assert {each["group"] for each in model["importance"]["features"]} == {"client", "turnover"}
    assert {each["name"] for each in model["review"]["attributes"]} == {"sex", "age"}


@pytest.mark.slow
@pytest.mark.each
def test_months_that_arrive_in_any_order_come_to_the_same_gold(tmp_path: Path) -> None:
    all_ = write(tmp_path / "all", SIZES["small"], by_month=True)
    months = sorted(all_.glob("*_*.asc"))
    Random(5).shuffle(months)
    first = [file for file in all_.glob("*.asc") if "_" not in file.name]
    first += [next(f for f in months if f.name.startswith(s)) for s in ("account", "loan", "trans")]
    rest = [file for file in months if file not in first]
    data = tmp_path / "data"
    data.mkdir()
    for batch in (first, *(rest[n::5] for n in range(5))):
        for file in batch:
            shutil.copy(file, data)
        done(tmp_path, "run")
    assert faults(tmp_path / "datamart", all_) == {}


@pytest.mark.slow
@pytest.mark.each
def test_a_client_is_looked_up_and_erased(small: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(small, tmp_path / "small"))
    borrowing = gold(root / "datamart", "silver.borrowing").to_pylist()[-1]
    client, granted_on = borrowing["client_id"], borrowing["granted_on"]
    account = borrowing["account_id"]
    head, *rows = (root / "data/trans.asc").read_text().splitlines()
    own = next(row.split(";") for row in rows if row.split(";")[1] == account)
    # A row without a day goes to the quarantine; one that is corrected goes to the superseded rows.
    damaged, corrected = [*own[:2], "999999", *own[3:]], [*own[:5], "1.00", *own[6:]]
    later = [head, *rows[:9], ";".join(damaged), ";".join(corrected), ""]
    (root / "data/trans_02.asc").write_text("\n".join(later))
    done(root, "run")
    code = (
        "from lakehouse import Lakehouse\n"
        f"lake = Lakehouse('datamart', tables={str(BANK)!r})\n"
        f"print(lake.lookup({client!r}, '{granted_on}').balance_min_180d[0])\n"
        f"print(sorted(lake.customer({client!r}).tables))"
    )
    asked = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert asked.returncode == 0, asked.stderr
    assert re.match(r"-?\d+\.\d+\n.*gold\.features_turnover.*silver\.trans", asked.stdout)
    erased = done(root, "erase", "--customer", client, "--yes")
    assert "bronze.quarantine" in erased and "bronze.superseded" in erased
    for name in ("silver.client", "silver.disp", "silver.borrowing", *GOLD):
        assert client not in gold(root / "datamart", name).column("client_id").to_pylist()
    for name in ("bronze.trans", "silver.trans", "bronze.loan", "silver.loan", "silver.account"):
        before, after = (gold(each / "datamart", name) for each in (small, root))
        accounts = before.column("account_id").to_pylist()
        # Those of the others stay, also of the account that has the number of the client.
        others = sorted(each for each in accounts if each != account)
        assert sorted(after.column("account_id").to_pylist()) == others != sorted(accounts)
    assert "missing" not in done(root, "doctor", "--deep")
    assert "Nothing is pending" in done(root, "run")


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.each
def test_gold_on_spark_equals_the_reference_in_all_cells(small: Path, tmp_path: Path) -> None:
    shutil.copytree(small / "data", tmp_path / "data")
    assert "Release 1 published" in done(tmp_path, "run", "--engine", "spark")
    assert faults(tmp_path / "datamart", tmp_path / "data") == {}
    assert "Nothing is pending" in done(tmp_path, "run")

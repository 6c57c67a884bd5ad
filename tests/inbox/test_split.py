"""Data split by month into files of every form gives the tables of the four files, row for row."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lakehouse.catalog import Catalog, load
from lakehouse.storage.log import Log
from tests.inbox.inbox import Inbox, by_key
from tests.inbox.split import split_all
from tests.narrow import narrow

ROOT = Path(__file__).parents[2]
CATALOG = load()
SOURCES = [table.source for table in CATALOG.sources if table.source]


def tables(datamart: Path, catalog: Catalog = CATALOG) -> dict[str, Any]:
    """The rows of every table by key, less what tells of the file that they came in."""
    log = Log(str(datamart))
    return {
        table.full_name: by_key(log, table)
        for table in catalog.data
        if table.source or table.transform
    }


def differing(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The first key of each table in which two datamarts part; {} where they are equal."""
    return {
        name: next(
            k for k in one[name].keys() | other[name] if one[name].get(k) != other[name].get(k)
        )
        for name in one
        if one[name] != other[name]
    }


def main_py(engine: str, data: Path | str, datamart: Path | str) -> Any:
    places = ["--data", str(data), "--datamart", str(datamart)]
    command = [sys.executable, "main.py", "run", "--engine", engine, "--json", *places]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def total(report: Any) -> dict[str, int]:
    """The rows of all sources by fate."""
    fates = ("rows_in", "accepted", "quarantined", "equal_duplicates")
    rows = [table for table in report["tables"] if table["rows_in"] is not None]
    return {fate: sum(table[fate] for table in rows) for fate in fates}


@pytest.mark.slow
def test_a_split_delivery_gives_the_tables_of_the_whole_one_in_any_order_of_arrival(
    generated: Path, tmp_path: Path
) -> None:
    catalog = narrow()
    whole = Inbox(tmp_path / "whole", catalog)
    shutil.copytree(generated, whole.data)
    whole.taken()
    parts = Inbox(tmp_path / "parts", catalog)
    waiting = tmp_path / "waiting"
    names = split_all(SOURCES, generated, waiting, seed=29)
    # Each source has a file in the first part.
    first = {next(n for n in names if n.startswith(s.file_names[0][:-4])) for s in SOURCES}
    halves = [*first, *names[: len(names) // 2]], names
    for half in halves:
        for name in half:
            if not (parts.data / name).exists():
                (parts.data / name).parent.mkdir(parents=True, exist_ok=True)
                (waiting / name).rename(parts.data / name)
        parts.taken()

    assert differing(*(tables(each.datamart, catalog) for each in (whole, parts))) == {}
    fates = [sum(each) for each in zip(*parts.fates().values(), strict=True)]
    assert fates == [sum(each) for each in zip(*whole.fates().values(), strict=True)]
    parts.check_nothing_is_left_to_do()


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The tables of the four files that are shipped, and the counts of the run."""
    datamart = tmp_path_factory.mktemp("shipped") / "datamart"
    report = main_py("embedded", ROOT / "data", datamart)
    return {"tables": tables(datamart), "total": total(report)}


@pytest.mark.slow
def test_the_shipped_data_split_by_month_gives_the_same_gold(
    shipped: dict[str, Any], tmp_path: Path
) -> None:
    check_split("embedded", shipped, tmp_path)


@pytest.mark.spark
def test_the_shipped_data_split_by_month_gives_the_same_gold_on_spark(
    shipped: dict[str, Any], tmp_path: Path
) -> None:
    check_split("spark", shipped, tmp_path)


def check_split(engine: str, shipped: dict[str, Any], tmp_path: Path) -> None:
    split_all(SOURCES, ROOT / "data", tmp_path / "data", seed=7)
    report = main_py(engine, tmp_path / "data", tmp_path / "datamart")
    assert differing(shipped["tables"], tables(tmp_path / "datamart")) == {}
    assert total(report) == shipped["total"]

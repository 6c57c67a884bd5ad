"""The raw files of a replay have the form that their source declares, so that a run takes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.audit import raw_files
from lakehouse.bronze.raw import bronze_table
from lakehouse.catalog import Catalog
from lakehouse.landing.inbox import Inbox
from lakehouse.storage.data_bucket import data_place
from lakehouse.table import Source
from tests.inbox.small_bank import VISITS


def test_a_file_of_a_replay_has_the_delimiter_and_encoding_of_its_source(tmp_path: Path) -> None:
    source = replace(VISITS, delimiter=";", encoding="cp1252")
    catalog = Catalog(((bronze_table(source, "A row."), "tests"),))
    cells = {"customer": ["Zoë;x", "Bo,y"], "amount": ["1", "2"], "day": ["2024-01-01"] * 2}
    (tmp_path / "all" / "visits").mkdir(parents=True)
    pq.write_table(pa.table(cells), tmp_path / "all" / "visits" / "0.parquet")

    raw_files.write(
        catalog, tmp_path / "all", lambda _source, rows: f"SELECT * FROM {rows}", tmp_path / "data"
    )

    written = (tmp_path / "data" / "visits.csv").read_bytes()
    header, *rows = written.decode("cp1252").splitlines()
    assert header == "customer;amount;day"
    assert {*rows} == {'"Zoë;x";1;2024-01-01', "Bo,y;2;2024-01-01"}
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["visits.csv"]


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        ({"supersedes": "date"}, "visits_2000-01-31.csv"),
        ({"supersedes": "date", "patterns": ("v/**/lmd_*.txt",)}, "v/lmd_2000-01-31.txt"),
        ({"patterns": ("v/**/*.txt",)}, "visits.csv"),
    ],
)
def test_a_file_of_a_replay_has_a_name_that_its_source_takes(
    tmp_path: Path, declared: dict[str, Any], name: str
) -> None:
    source = replace(VISITS, **declared)
    write_one(tmp_path, source, {"customer": ["C1"], "amount": ["1"], "day": ["2024-01-01"]})
    listing = Inbox(data_place(tmp_path / "data"), [source]).listing(source)
    assert ([file.name for file in listing.files], listing.refused) == ([name], ())


def test_a_number_of_a_replay_has_the_decimal_mark_of_its_source(tmp_path: Path) -> None:
    source = replace(VISITS, decimal=",", delimiter=";")
    texts = ["12.345", "-0.5", "1263", "1.2.3", "_1.5e3", "much", None]
    cells = {"customer": [f"C{i}" for i in range(7)], "amount": texts, "day": ["2024-01-01"] * 7}
    write_one(tmp_path, source, cells)
    written = pd.read_csv(tmp_path / "data" / "visits.csv", sep=";", dtype=str)
    found = dict(zip(written.customer, written.amount.fillna(""), strict=True))
    assert [*map(found.get, cells["customer"])] == [
        "12,345", "-0,5", "1263", "1.2.3", "_1,5e3", "much", ""
    ]  # fmt: skip


def write_one(folder: Path, source: Source, cells: dict[str, list[Any]]) -> None:
    (folder / "all" / source.name).mkdir(parents=True)
    pq.write_table(pa.table(cells), folder / "all" / source.name / "0.parquet")
    catalog = Catalog(((bronze_table(source, "A row."), "tests"),))
    raw_files.write(
        catalog, folder / "all", lambda _source, rows: f"SELECT * FROM {rows}", folder / "data"
    )

"""The raw files of a replay have the form that their source declares, so that a run takes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.audit import raw_files
from lakehouse.bronze.raw import bronze_table
from lakehouse.catalog import Catalog
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

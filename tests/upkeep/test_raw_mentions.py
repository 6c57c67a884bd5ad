"""An erasure names each raw file that mentions the person, whatever its form and folder."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.bronze.raw import bronze_table
from lakehouse.catalog import Catalog
from lakehouse.table import Field, Source
from lakehouse.upkeep.person import Person
from lakehouse.upkeep.raw_mentions import mentions

SOURCE = Source(
    "people",
    ("people.csv",),
    (Field("id", "STRING", ""), Field("day", "STRING", "")),
    ("id", "day"),
    "id",
    "day",
    (("id", "identifier"), ("day", "date")),
)
CATALOG = Catalog(((bronze_table(SOURCE, "A person."), "people"),))


def test_each_form_of_file_is_looked_through(tmp_path: Path) -> None:
    text = b"id;day\nCUS_1;2024-07-01\nCUS_12;2024-07-01\nCUS_1;2024-08-01\n"
    (tmp_path / "people" / "2024").mkdir(parents=True)
    (tmp_path / "people" / "2024" / "a.csv.gz").write_bytes(gzip.compress(text))
    rows = pa.table({"id": ["CUS_2", "CUS_1"], "day": ["2024-07-01"] * 2})
    pq.write_table(rows, tmp_path / "people_2.parquet")
    (tmp_path / "people_3.csv").write_text("id,day\nCUS_12,2024-07-01")
    (tmp_path / "people_4.csv").write_bytes(gzip.compress(text)[:-3])
    (tmp_path / "people.xlsx").touch()
    rest = (
        "of that customer; remove those rows there too: a later delivery may bring the person back"
    )
    assert list(mentions(tmp_path, CATALOG, Person("CUS_1"), {})) == [
        f"people/2024/a.csv.gz has 2 lines {rest}",
        f"people_2.parquet has 1 line {rest}",
        "people.xlsx, people_4.csv cannot be read as raw files; look there for that customer yourself",
    ]


def test_without_a_data_folder_it_says_that_nothing_was_searched(tmp_path: Path) -> None:
    (told,) = mentions(tmp_path / "gone", CATALOG, Person("CUS_1"), {})
    assert told.startswith("no raw file was searched for that customer: there is no data folder")
    assert "--data" in told

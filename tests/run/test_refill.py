"""A month that only a table of two sources holds is not lost by either of them."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import DataFrame

from lakehouse.storage.log import Log
from lakehouse.table import MONTH_FIELD, Field, Table
from tests.upkeep.other_bank import ASKED, CRM, DATE, DESK, SEEN, catalog, command, deliver


def _of_both(seen: DataFrame, asked: DataFrame) -> DataFrame:
    return seen.unionByName(asked.withColumnRenamed("borrowerid", "person")).distinct()


BOTH = Table(
    layer="gold",
    name="both",
    doc="Who was seen or asked when.",
    keys=("person", DATE),
    fields=(Field("person", "STRING", "Who."), Field(DATE, "DATE", "When."), MONTH_FIELD),
    upstreams=(SEEN, ASKED),
    transform=_of_both,
)
OF_BOTH = catalog(CRM, DESK, SEEN, ASKED, BOTH)


def test_sources_of_one_table_may_have_other_months(tmp_path: Path) -> None:
    deliver(tmp_path / "data", CRM, "B-1,Somebody,123-45-6789,1,2023-01-05")
    deliver(tmp_path / "data", DESK, "B-1,Somebody,123-45-6789,2023-02-05")
    assert command(tmp_path, "run", given=OF_BOTH) == 0
    deliver(tmp_path / "data", CRM, "B-2,Somebody,223-45-6789,1,2023-01-05")

    assert command(tmp_path, "run", given=OF_BOTH) == 0

    rows = Log(str(tmp_path / "datamart")).read(BOTH)
    assert sorted((row["person"], f"{row[DATE]:%m}") for row in rows) == [
        ("B-1", "02"),
        ("B-2", "01"),
    ]

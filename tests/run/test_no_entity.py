"""A source about nobody has no entity, and needs none."""

from __future__ import annotations

from pathlib import Path

from lakehouse.bronze.raw import bronze_table
from lakehouse.storage.log import Log
from lakehouse.table import Field, Source
from tests.upkeep.other_bank import DATE, catalog, command, deliver

RATES = bronze_table(
    Source(
        name="rates",
        file_names=("rates.csv",),
        columns=(Field("area", "STRING", "An area."), Field(DATE, "STRING", "When.")),
        keys=("area", DATE),
        entity="",
        date=DATE,
        required=(("area", "text"), (DATE, "date")),
    ),
    "A rate of an area.",
)


def test_a_row_whose_key_is_in_quarantine_stays_where_no_entity_is_declared(tmp_path: Path) -> None:
    deliver(tmp_path / "data", RATES, "north,2023-01-05", "south,2023-01-05", "west,2023-01-05")
    assert command(tmp_path, "run", given=catalog(RATES)) == 0
    deliver(tmp_path / "data", RATES, "north,2023-01-05", "south,")

    assert command(tmp_path, "run", "--max-bad=1", "--allow-shrink", given=catalog(RATES)) == 0

    left = {row["area"] for row in Log(str(tmp_path / "datamart")).read(RATES)}
    assert left == {"north", "south"}

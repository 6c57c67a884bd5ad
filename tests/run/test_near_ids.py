"""A run names ids that are one id, damaged on its way."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.landing.counts import Arrival
from lakehouse.landing.land import land_files
from lakehouse.landing.raw_file import RawFile
from lakehouse.run.near_ids import near_ids
from lakehouse.table import Field, Source

LOANS = Source(
    name="loans",
    file_names=("loans.csv",),
    columns=tuple(Field(name, "STRING", "") for name in ("id", "day")),
    keys=("id", "day"),
    entity="id",
    date="day",
    required=(("id", "text"), ("day", "date")),
)


@pytest.mark.parametrize(
    ("one", "other", "is_near"),
    [
        ("CUS_0x1a", "cus_0X1A", True),
        ("7", "007", True),
        ("4097", "4097.0", True),
        ("4097", "+4097.00", True),
        ("CUS_1", "'CUS_1", True),
        ("CUS_1", '="CUS_1"', True),
        ("CUS_1", "CUS\u00a0_1", True),
        ("CUS_1", "CUS_\u200b1", True),
        ("v1", "v1.0", False),
        ("CUS_1", "CUS_10", False),
        ("A_11", "A1_1", False),
    ],
)
def test_ids_that_are_nearly_the_same_are_named(
    tmp_path: Path, one: str, other: str, is_near: bool
) -> None:
    cells = (f'"{id_.replace(chr(34), chr(34) * 2)}"' for id_ in (one, other))
    content = "id,day\n" + "".join(f"{cell},2024-01-01\n" for cell in cells)
    path = tmp_path / "loans.csv"
    path.write_text(content, encoding="utf-8")
    arrival = Arrival(RawFile("loans.csv", path.stat().st_size, "1-1-1", False), path)
    landed = land_files(LOANS, [arrival], tmp_path / "into", 0.0, None)
    told = near_ids([landed], tmp_path)
    assert bool(told) == is_near
    if is_near:
        assert told[0].startswith("1 id in id is written in more than one way")
        assert one in told[0] and other in told[0]

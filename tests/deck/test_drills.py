"""The planted corrections and damage are what the deck says they are, and always the same."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest

from deck import drills
from deck.measure import Z, wilson


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    """Click rows of two months and 300 loan rows."""
    days = [day for day in ("2024-02-01", "2024-03-01") for _ in range(60)]
    clicks = [
        ["fe_1", "Customer_ID", "snapshot_date"],
        *(["5", f"C{i}", d] for i, d in enumerate(days)),
    ]
    loans = [["loan_id", "Customer_ID", "snapshot_date", "due_amt", "paid_amt"]]
    loans += [[f"L{i}", f"C{i}", "2024-03-01", "10", "10"] for i in range(300)]
    for name, rows in ((drills.CLICKSTREAM, clicks), (drills.LOANS, loans)):
        with (tmp_path / name).open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    return drills.copied(tmp_path, tmp_path / "copy")


def rows_of(file: Path) -> list[list[str]]:
    with file.open(newline="") as lines:
        return list(csv.reader(lines))


def test_a_correction_touches_one_row_in_twenty_of_one_month(delivery: Path) -> None:
    before = rows_of(delivery / drills.CLICKSTREAM)
    corrected = drills.correct(delivery)
    after = rows_of(delivery / drills.CLICKSTREAM)
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert corrected == len(changed) == 3
    assert {(row[0], row[2]) for row in changed} == {("105", "2024-03-01")}


def test_damage_plants_as_many_rows_of_each_kind_as_it_says(delivery: Path) -> None:
    planted = drills.damage(delivery)
    rows = rows_of(delivery / drills.LOANS)[1:]
    assert planted == dict.fromkeys(planted, drills.PLANTED) and len(planted) == 5
    assert sum(len(row) == 3 for row in rows) == drills.PLANTED
    assert sum(len(row) == 5 and row[2] == "2024-02-31" for row in rows) == drills.PLANTED
    assert sum(len(row) == 5 and row[3] == "n/a" for row in rows) == drills.PLANTED
    assert sum(len(row) == 5 and row[4] == "77.0" for row in rows) == drills.PLANTED
    assert len(rows) - len({tuple(row) for row in rows}) == drills.PLANTED


def test_a_ruined_file_is_beyond_what_a_run_accepts(delivery: Path) -> None:
    assert drills.ruin(delivery) == pytest.approx(drills.RUINED_SHARE)
    assert sum(len(row) == 3 for row in rows_of(delivery / drills.LOANS)) == 90


def test_each_bound_of_an_interval_is_a_share_that_would_just_be_believed() -> None:
    hits, of = 8, 80
    for bound in wilson(hits, of):
        assert abs(hits / of - bound) == pytest.approx(Z * math.sqrt(bound * (1 - bound) / of))

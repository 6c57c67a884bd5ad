"""Rows that hold until a day: the newest row up to a day says what holds on it, and overlaps are refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.bronze.raw import bronze_table
from lakehouse.declared.sources import source_faults
from lakehouse.errors import BadInput
from lakehouse.landing.land import land
from lakehouse.silver.cleaning import date as date_cell
from lakehouse.silver.cleaning import silver_table
from lakehouse.silver.open_cells import any_text
from lakehouse.silver.validity import validity_table
from lakehouse.table import Field, Source
from lakehouse.testing import computed

JOBS = Source(
    name="jobs",
    file_names=("jobs.csv",),
    columns=(
        Field("who", "STRING", "Whose job."),
        Field("job", "STRING", "The job."),
        Field("since", "STRING", "From this day on."),
        Field("until", "STRING", "Until this day."),
    ),
    keys=("who", "since"),
    entity="who",
    date="since",
    required=(("who", "text"), ("since", "date")),
    valid_to="until",
)
SILVER = silver_table(
    bronze_table(JOBS, "Jobs."), "Jobs.", [any_text("job", "Job."), date_cell("until", "Until.")]
)
TABLE = validity_table(SILVER, "The days on which a job begins or ends.")
FIRST = date(2023, 1, 1)
Job = tuple[
    str, int, int | None
]  # its name, its first day, and the first on which it no longer holds


def rows_of(jobs: list[Job]) -> list[dict[str, Any]]:
    return [
        {"who": "A", "job": job, "since": _day(begin), "until": end and _day(end)}
        for job, begin, end in jobs
    ]


def _day(number: int) -> date:
    return FIRST + timedelta(number)


@st.composite
def apart(draw: st.DrawFn) -> list[Job]:
    """Jobs that never hold at once; the last may be without an end."""
    days = sorted(draw(st.sets(st.integers(0, 400), min_size=2, max_size=9)))
    jobs: list[Job] = []
    for number, (begin, end) in enumerate(pairwise(days)):
        if draw(st.booleans()):
            jobs.append((f"job {number}", begin, end))
    if draw(st.booleans()) or not jobs:
        jobs.append(("the last", days[-1], None))
    return jobs


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(apart())
def test_the_newest_row_up_to_a_day_is_what_holds_on_it(jobs: list[Job]) -> None:
    found = computed(TABLE, rows_of(jobs))
    assert all(row["overlaps"] == 0 for row in found)
    assert len({row["since"] for row in found}) == len(found)
    for number in range(402):
        holds = [
            job for job, begin, end in jobs if begin <= number and (end is None or number < end)
        ]
        before = [row for row in found if row["since"] <= _day(number)]
        newest = max(before, key=lambda row: row["since"], default=None)
        assert (newest["job"] if newest else None) == next(iter(holds), None)
        assert bool(newest and newest["is_valid"]) == bool(holds)


def test_rows_that_hold_at_once_are_counted() -> None:
    jobs: list[Job] = [("one", 0, 10), ("two", 9, 20), ("open", 20, None), ("three", 30, 40)]
    found = computed(TABLE, rows_of(jobs))
    assert {row["job"]: row["overlaps"] for row in found if row["is_valid"]} == {
        "one": 0, "two": 1, "open": 0, "three": 1,
    }  # fmt: skip
    assert TABLE.expectations == (("one_at_a_time", "overlaps = 0"),)


def test_a_row_ends_after_it_begins_and_an_end_that_cannot_be_read_is_not_an_open_one(
    tmp_path: Path,
) -> None:
    lines = (
        "A,ok,2023-01-01,2023-02-01", "B,open,2023-01-01,", "C,null,2023-01-01,NULL",
        "D,later,2023-01-01,2090-01-01", "E,same,2023-01-01,2023-01-01", "F,odd,2023-01-01,soon",
        "G,never,2023-01-01,9999-12-31",
    )  # fmt: skip
    file = tmp_path / "jobs.csv"
    file.write_text("\n".join(["who,job,since,until", *lines]) + "\n", encoding="utf-8")
    found = land(JOBS, file, tmp_path / "into", max_bad=1)
    ends = duckdb.sql(f"SELECT until FROM '{found.accepted}' ORDER BY who").fetchall()
    assert [end for (end,) in ends] == ["2023-02-01", None, None, "2090-01-01", "9999-12-31"]
    reasons = duckdb.sql(
        f"SELECT unnest(reasons) FROM '{found.quarantined}' ORDER BY ALL"
    ).fetchall()
    assert [why for (why,) in reasons] == [
        "until is not a date like 2023-05-01 or 5/1/2023: 'soon'",
        "until is not after since: '2023-01-01'",
    ]
    never = {"who": "G", "since": FIRST, "until": date(9999, 12, 31), "job": "x"}
    assert len(computed(TABLE, [never])) == 1


def test_a_validity_that_lacks_what_it_needs_is_refused() -> None:
    (fault,) = source_faults(replace(JOBS, valid_to="untill"))
    assert fault == "source jobs: valid_to 'untill' is none of its columns; is it until?"
    (fault,) = source_faults(replace(JOBS, required=(*JOBS.required, ("until", "date"))))
    assert "valid_to until is a key or required, and it is empty as long as a row holds" in fault
    with pytest.raises(BadInput, match=r"silver\.jobs has no rows that hold until a day"):
        validity_table(silver_table(bronze_table(JOBS, "Jobs."), "Jobs.", []), "None.")

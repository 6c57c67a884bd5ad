"""A refused file keeps no other from being taken, and holds the release back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lakehouse.errors import BadInput
from lakehouse.landing.counts import Counts
from lakehouse.run.job import Report, TableReport
from lakehouse.run.plan import Request
from lakehouse.run.refused import RefusedFile, told_held_back, told_refused
from lakehouse.run.run import run
from tests.conftest import job

LOANS = "lms_loan_daily.csv"


def test_a_refused_file_is_named_and_the_others_are_taken(
    taken: Path, data: Path, tmp_path: Path
) -> None:
    datamart = Path(shutil.copytree(taken, tmp_path / "datamart"))
    (data / "lms_loan_daily_bad.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match=r"lms_loan_daily_bad\.csv has the wrong header"):
        run(job(data, datamart))
    lines = (data / LOANS).read_text().splitlines(keepends=True)
    (data / "lms_loan_daily_2.csv").write_text("".join(lines[:3]))
    with pytest.raises(BadInput, match=r"lms_loan_daily_bad\.csv"):
        run(job(data, datamart, request=Request(strict=True)))
    held_back = run(job(data, datamart))
    assert [each.file for each in held_back.refused] == ["lms_loan_daily_bad.csv"]
    assert held_back.published == [] and held_back.release == 1
    good = run(job(data, datamart, request=Request(publish_good=True)))
    assert good.published == [2] and good.refused == held_back.refused
    (data / "lms_loan_daily_bad.csv").unlink()
    assert run(job(data, datamart)).tables == {}


ONE, OTHER = (RefusedFile("bronze.loan_daily", name, f"{name} is empty") for name in "ab")


def test_refused_files_are_counted_and_the_first_says_why() -> None:
    assert told_refused([ONE], 111) == "a is empty"
    assert told_refused([ONE, OTHER], 111) == "2 of 111 files are refused, the first: a is empty"


def test_a_run_without_its_refused_files_says_how_they_come_in() -> None:
    assert told_held_back([ONE], 2, is_published=False) == (
        "a is empty; the others were taken, but nothing was published: mend or remove it and run again, "
        "or give --publish-good"
    )
    assert told_held_back([ONE, OTHER], 3, is_published=True) == (
        "2 of 3 files are refused, the first: a is empty; the others were taken and published"
    )


def test_a_report_names_superseded_rows_and_refused_files() -> None:
    rows = Counts(3, accepted=2, superseded=1)
    table = TableReport("bronze.loan_daily", rows, inserted=2)
    report = Report(1, tables={table.table: table}, raw_files=2, refused=[ONE])
    assert "3 raw rows read: 2 accepted, 0 quarantined, 0 equal duplicates, 1 superseded" in repr(
        report
    )
    assert told_held_back([ONE], 2, is_published=False) in repr(report)

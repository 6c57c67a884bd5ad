"""Tables for people, JSON for programs, progress on stderr."""

from __future__ import annotations

import io
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from lakehouse.catalog import load
from lakehouse.cli import show
from lakehouse.landing.counts import Counts
from lakehouse.progress import silent
from lakehouse.releases.diff import Cell, DifferingRow, TableDiff
from lakehouse.releases.release import Release
from lakehouse.run.job import Report, TableReport
from lakehouse.run.plan import Step
from lakehouse.upkeep.doctor import Finding

Capture = pytest.CaptureFixture[str]
TABLES = load().derived
MOMENT = datetime(2023, 5, 1, 12, 30, 15, tzinfo=timezone.utc)


def test_a_json_answer_is_json_alone(capsys: Capture) -> None:
    value = {"day": date(2023, 5, 1), "at": MOMENT, "n": 1.5, "name": "é漢", "none": None}
    show.answer(True, value, lambda: pytest.fail("printed for people"))
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "day": "2023-05-01", "at": MOMENT.isoformat(), "n": 1.5, "name": "é漢", "none": None
    }  # fmt: skip
    assert err == "" and "é漢" in out


def test_lines_of_several_tables_at_once_stay_whole(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As with PYTHONUNBUFFERED, which containers set.
    unbuffered = os.fdopen(os.dup(2), "wb", buffering=0)
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(unbuffered, write_through=True))
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as tables, show.progress(quiet=False) as tell:
            list(tables.map(lambda n: tell(f"gold.t{n}", "computing", ["2023-01"]), range(4000)))
    finally:
        sys.setswitchinterval(before)
    lines = sorted(capfd.readouterr().err.splitlines())
    assert lines == sorted(f"gold.t{n}: computing 2023-01" for n in range(4000))


def test_an_answer_for_people_is_what_is_shown(capsys: Capture) -> None:
    show.answer(False, {}, lambda: print("shown"))
    assert capsys.readouterr().out == "shown\n"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (1234567, "1,234,567"),
        (0.25, "0.2"),
        (12.36, "12.4"),
        (MOMENT, "2023-05-01 12:30:15"),
        ("gold.label_store", "gold.label_store"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
    ],
)
def test_a_cell_is_written_for_people(capsys: Capture, value: Any, shown: str) -> None:
    show.rows("Title", [{"some_column": value, "b": 1}])
    out, _ = capsys.readouterr()
    lines = [line for line in out.splitlines() if line.strip()]
    assert lines[0].strip() == "Title" and "some column" in lines[1]
    assert lines[-1].split() == [*shown.split(), "1"]


def test_no_rows_are_told(capsys: Capture) -> None:
    show.rows("Versions", [])
    assert capsys.readouterr().out == "Versions: none\n"


def test_a_long_table_is_not_cut_where_nobody_watches(capsys: Capture) -> None:
    wide = {f"column_{i}": f"value-{i}" for i in range(8)}
    show.rows("Title", [wide])
    out, _ = capsys.readouterr()
    assert all(value in out for value in wide.values()) and "…" not in out


@pytest.mark.parametrize(
    ("quiet", "expected"),
    [(False, "gold.label_store: computing 2023-01 to 2023-02\n"), (True, "")],
)
def test_progress_that_stays_tells_of_months_on_stderr_or_of_nothing(
    capsys: Capture, quiet: bool, expected: str
) -> None:
    with show.progress(quiet) as on_progress:
        on_progress("gold.label_store", "computing", ["2023-02", "2023-01"])
        on_progress("x", "reading", ())
    out, err = capsys.readouterr()
    assert (out, err) == ("", expected)


def test_a_note_is_a_line_on_stderr(capsys: Capture) -> None:
    show.note("a [b] c")
    assert capsys.readouterr() == ("", "note: a [b] c\n")


def test_a_plan_tells_what_is_pending_and_why(capsys: Capture) -> None:
    show.plan([Step(TABLES[0], "its code changed"), Step(TABLES[1])])
    out, _ = capsys.readouterr()
    assert TABLES[0].full_name in out and "its code changed" in out
    assert TABLES[1].full_name not in out


def test_a_plan_of_nothing_says_so(capsys: Capture) -> None:
    show.plan([Step(TABLES[1])])
    assert capsys.readouterr().out == "Nothing is pending: every table is up to date.\n"


def report(**changes: Any) -> Report:
    tables = {
        "bronze.a": TableReport("bronze.a", Counts(1004, 1000, 3, 1), 990, 8, 2, 1, 0.5),
        "gold.b": TableReport("gold.b", None, 7, 0, 0, 2, 1.25),
    }
    return Report(
        **{"release": 3, "tables": tables, "engine": "embedded", "seconds": 2.0, **changes}
    )


def test_a_run_is_told_in_a_row_a_table(capsys: Capture) -> None:
    show.report(report(published=[3], notes=["a new column"]))
    out, err = capsys.readouterr()
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.strip()}
    assert rows["bronze.a"] == ["1,004", "1,000", "3", "1", "990", "8", "2", "1", "0.5"]
    assert rows["gold.b"] == ["7", "0", "0", "2", "1.2"]
    assert out.splitlines()[-2:] == [
        "1,004 raw rows read: 1,000 accepted, 3 quarantined, 1 equal duplicates. "
        "1,007 rows changed in 2 tables (2 of them deleted). "
        "Release 3 published (2.0 s on the embedded engine).",
        "3 rows are in quarantine: python main.py quarantine --source a",
    ]
    assert err == "note: a new column\n"


@pytest.mark.parametrize(
    ("done", "words"),
    [
        (report(published=[1, 2, 3]), "Releases 1 to 3 published (2.0 s on the embedded engine)."),
        (
            report(published=[], tables={"gold.b": TableReport("gold.b", None, 0, 0, 0, 2, 1.25)}),
            "No row changed. Release 3 stays the newest (2.0 s on the embedded engine).",
        ),
        (
            report(published=[4], tables={"gold.b": TableReport("gold.b", None, 1, 0, 0, 2, 1.25)}),
            "1 row changed in 1 table. Release 4 published (2.0 s on the embedded engine).",
        ),
        (report(tables={}), "Nothing is pending: release 3 is up to date (2.00 s)."),
    ],
)
def test_a_run_ends_in_plain_words(capsys: Capture, done: Report, words: str) -> None:
    show.report(done)
    lines = [each for each in capsys.readouterr().out.splitlines() if "main.py" not in each]
    assert lines[-1].endswith(words)


@pytest.mark.parametrize(("out", "place"), [("data", ""), ("practice", " --datamart DIR")])
def test_generated_files_of_another_folder_are_built_into_a_datamart_of_their_own(
    capsys: Capture, out: str, place: str
) -> None:
    show.generated({"a.csv": 1}, Path(out))
    assert capsys.readouterr().out.endswith(f"main.py run --data {out}{place}\n")


def test_a_doctor_who_finds_nothing_says_so(capsys: Capture) -> None:
    well, ill = Finding("Python", "ok", "3.11.7", ""), Finding("Disk", "missing", "1 MB", "free it")
    show.doctor([well, well])
    assert capsys.readouterr().out.endswith("Nothing to do: all 2 are ok.\n")
    show.doctor([well, ill])
    assert capsys.readouterr().out.endswith("Disk: free it\n")


def test_a_report_as_json_has_the_same_rows() -> None:
    found = json.loads(json.dumps(show.report_as_json(report(published=[3]))))
    assert found["release"] == 3 and found["published"] == [3] and found["engine"] == "embedded"
    assert found["tables"][0] == {
        "table": "bronze.a", "rows_in": 1004, "accepted": 1000, "quarantined": 3,
        "equal_duplicates": 1, "superseded": 0, "inserted": 990, "updated": 8, "deleted": 2, "changed": 1000,
        "version": 1, "seconds": 0.5,
    }  # fmt: skip


def test_releases_are_told_without_their_maps(capsys: Capture) -> None:
    show.releases(
        [
            Release(
                number=1,
                run_id="789af316f7c9",
                finished_at=MOMENT,
                months=["2023-05", "2023-06"],
                through="2023-06",
                versions={"gold.a": 1},
                commits={"gold.a": "1a/2b"},
                row_counts={"gold.a": 5, "gold.b": 7, "bronze.a": 100},
                sources={},
                code={},
                code_fingerprint="abc",
                engine="embedded",
                checksums={},
            )
        ]
    )
    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[-1].split() == [
        "1", "2023-05-01", "12:30:15", "2023-06", "2023-05", "to", "2023-06", "12",
        "embedded", "abc",
    ]  # fmt: skip


def test_a_changed_cell_is_told_exactly_and_a_missing_value_by_its_name(capsys: Capture) -> None:
    key = {"customer_id": "C", "snapshot_date": date(2023, 5, 1)}
    cells = (Cell("fe_1_mean_3m", 1.04, 1.05), Cell("age", 1000, None))
    rows = (DifferingRow("changed", key, cells), DifferingRow("added", key, ()))
    show.diff(1, 2, [TableDiff("gold.a", 1, 1, 1500, rows)], keys=True)
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert ["gold.a", "1", "1", "1,500"] in lines
    assert lines[-4:] == [
        ["changed", "C", "2023-05-01", "fe_1_mean_3m", "1.04", "1.05"],
        ["changed", "C", "2023-05-01", "age", "1000", "NULL"],
        ["added", "C", "2023-05-01"],
        ["…", "and", "1,500", "more", "rows", "of", "gold.a"],
    ]


def test_show_is_plain_functions() -> None:
    assert silent("table", "doing", ()) is None and show.on_terminal() is False

"""Bad rows and odd cells: each with its file, line, reason and count, and the way to them."""

from __future__ import annotations

import io
import json
import shutil
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from lakehouse.cli import main
from lakehouse.storage.log import Log
from tests.bank import CATALOG


def ask(*argv: str | Path) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([*map(str, argv)])
    return code, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def datamart(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A datamart of files with two bad rows: one of loans, one of attributes."""
    place = tmp_path_factory.mktemp("bad")
    shutil.copytree(generated, place / "data")
    spoil(place / "data" / "lms_loan_daily.csv", 4, lambda cells: ["", *cells[1:]])
    spoil(place / "data" / "features_attributes.csv", 6, lambda cells: [*cells[:-1], "1 May Ann"])
    code, out, _ = ask("run", "--data", place / "data", "--datamart", place / "datamart")
    assert code == 0
    step = (
        f"1 row is in quarantine: python main.py quarantine --source loan_daily --datamart {place}"
    )
    assert step in out and "Cells not taken as they were" in out
    return place / "datamart"


def spoil(file: Path, number: int, change: object) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    assert callable(change)
    lines[number - 1] = ",".join(change(lines[number - 1].split(",")))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_bad_row_is_shown_with_its_file_line_and_reasons(datamart: Path) -> None:
    code, out, err = ask("quarantine", "--source", "loan_daily", "--json", "--datamart", datamart)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["row_count"] == 1
    (row,) = found["rows"]
    assert (row["source"], row["file"], row["line"]) == ("loan_daily", "lms_loan_daily.csv", 4)
    assert row["reasons"] and "raw_text" not in row


def test_the_step_behind_bad_rows_asks_for_the_same_rows_and_for_the_folder_of_their_files(
    datamart: Path,
) -> None:
    asked = ["quarantine", "--datamart", datamart]
    assert f"main.py run --data DIR --datamart {datamart}" in ask(*asked)[1]
    shown = ask(*asked, "--limit", "1")[1]
    assert "1 more row is in quarantine: python main.py quarantine --limit 2 --data" in shown


def test_cells_of_a_source_with_personal_columns_are_masked(datamart: Path) -> None:
    out = ask("quarantine", "--datamart", datamart)[1]
    assert "features_attributes.csv" in out and "9 xxx xxx" in out and "Ann" not in out


def test_quarantine_is_asked_by_source_month_and_limit(datamart: Path) -> None:
    one = json.loads(ask("quarantine", "--limit", "1", "--json", "--datamart", datamart)[1])
    assert len(one["rows"]) == 1 and one["row_count"] == 2
    none = json.loads(ask("quarantine", "--month", "1999-01", "--json", "--datamart", datamart)[1])
    assert none == {"rows": [], "row_count": 0}
    code, _, err = ask("quarantine", "--source", "loan_dialy", "--datamart", datamart)
    assert code == 2 and "is it loan_daily?" in err


def test_quality_counts_the_odd_cells_that_silver_has(datamart: Path) -> None:
    table = CATALOG.table("silver.financials")
    issues = Counter(issue for row in Log(str(datamart)).read(table) for issue in row["_issues"])
    wanted = {each: n for each, n in issues.items() if not each.endswith(": a placeholder")}
    assert wanted
    for more in ((), ("--by-month",)):
        counted = Counter[str]()
        found = json.loads(
            ask("quality", table.full_name, *more, "--json", "--datamart", datamart)[1]
        )
        for each in found["cells"]:
            counted[f"{each['column']}: {each['reason']}"] += each["cells"]
            assert bool(each["month"]) == bool(more)
        assert counted == wanted
        rows = [each["rows"] for each in found["tables"]]
        assert sum(rows) == len(Log(str(datamart)).read(table))


def test_quality_counts_quarantined_rows_by_table_and_names_the_way_to_them(datamart: Path) -> None:
    found = json.loads(ask("quality", "--json", "--datamart", datamart)[1])
    bad = {each["table"]: each["quarantined"] for each in found["tables"]}
    assert {table: n for table, n in bad.items() if n} == {
        "silver.loan_daily": 1,
        "silver.attributes": 1,
    }
    assert (
        "python main.py quarantine --source attributes" in ask("quality", "--datamart", datamart)[1]
    )


def test_quality_of_a_table_without_judged_cells_is_refused(datamart: Path) -> None:
    code, _, err = ask("quality", "gold.label_store", "--datamart", datamart)
    assert code == 2 and "silver.financials" in err

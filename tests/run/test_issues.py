"""A run tells of the cells that it did not take as they were, with counts and an example."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from lakehouse.run.job import Report
from lakehouse.storage.log import Log
from lakehouse.table import Table
from tests.bank import CATALOG

FINANCIALS = CATALOG.table("silver.financials")


def told_of(report: Report, table: Table) -> dict[str, tuple[int, str]]:
    """The count and the example of each issue that a run tells of a silver table."""
    return {
        f"{each.column}: {each.reason}": (each.cells, each.example)
        for each in report.odd_cells
        if each.table == table.full_name
    }


def test_a_run_tells_how_many_cells_of_which_kind_became_null_and_names_one(
    run_job: Callable[..., Report], tmp_path: Path
) -> None:
    report = run_job(datamart=tmp_path / "datamart")
    rows = Log(str(tmp_path / "datamart")).read(FINANCIALS)
    issues = Counter(issue for row in rows for issue in row["_issues"])
    told = told_of(report, FINANCIALS)
    assert told
    for issue, (count, example) in told.items():
        assert issues[issue] == count
        assert any(issue in row["_issues"] for row in rows if row["customer_id"] == example)
    placeholders = [issue for issue in issues if issue.endswith(": a placeholder")]
    assert placeholders and not {*placeholders} & {*told}


def test_a_run_with_nothing_new_tells_of_no_cell(
    run_job: Callable[..., Report], taken: Path, tmp_path: Path
) -> None:
    shutil.copytree(taken, tmp_path / "datamart")
    assert told_of(run_job(datamart=tmp_path / "datamart"), FINANCIALS) == {}

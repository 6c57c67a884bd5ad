"""A column whose cells would become NULL refuses the file: a model would be trained on nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from lakehouse.errors import BadInput
from lakehouse.run.job import Report

FINANCIALS, CLICKS = "features_financials.csv", "feature_clickstream.csv"
Run = Callable[..., Report]


def rewrite(file: Path, column: str, change: Callable[[str], str], share: float = 1.0) -> None:
    """Write some cells of a column in another form, from the first row on."""
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    first = int(len(rows) * share)
    changed = [change(cell) for cell in rows[column][:first]]
    rows[column] = [*changed, *rows[column][first:]]
    rows.to_csv(file, index=False)


def to_thousands(cell: str) -> str:
    return f"{float(cell.strip('_')) / 1000:.3f}"


@pytest.mark.parametrize(
    ("file", "column", "change", "cause"),
    [
        (FINANCIALS, "Annual_Income", lambda cell: cell.replace(".", ","), "commas"),
        (FINANCIALS, "Annual_Income", to_thousands, "thousands points"),
        (FINANCIALS, "Annual_Income", lambda c: f"{float(c.strip('_')) * 15000:.0f}", "currency"),
        (CLICKS, "fe_1", lambda cell: f"{cell}.5", "decimals where whole numbers were declared"),
        (FINANCIALS, "Credit_Mix", lambda cell: "Gut", "the form of the column has changed"),
    ],
)
def test_a_column_in_another_form_refuses_the_file_and_nothing_changes(
    data: Path,
    tmp_path: Path,
    run_job: Run,
    file: str,
    column: str,
    change: Callable[[str], str],
    cause: str,
) -> None:
    rewrite(data / file, column, change)
    with pytest.raises(
        BadInput, match=f"{file}: .* cells of {column} would become NULL"
    ) as refused:
        run_job()
    told = str(refused.value)
    assert cause in told and "nothing was changed" in told and "--max-null" in told
    assert not (tmp_path / "datamart" / "bronze").exists()


def test_its_examples_are_masked(data: Path, run_job: Run) -> None:
    rewrite(data / "features_attributes.csv", "SSN", lambda _: "Maria 123")
    with pytest.raises(BadInput, match=r"cells of SSN .* for example 'xxxxx 999'") as refused:
        run_job()
    assert "Maria" not in str(refused.value)


def test_it_is_taken_when_that_is_allowed_and_when_few_cells_are_bad(
    data: Path, run_job: Run
) -> None:
    rewrite(data / FINANCIALS, "Monthly_Balance", lambda cell: "much", share=0.15)
    assert run_job().release == 1
    rewrite(data / FINANCIALS, "Monthly_Balance", lambda cell: "much")
    with pytest.raises(BadInput, match="Monthly_Balance"):
        run_job()
    assert run_job(max_null=1.0).release == 2


def test_a_large_file_is_judged_by_a_sample_first_and_then_by_all_of_it(
    data: Path, run_job: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakehouse.run.null_share.SAMPLE_ROWS", 10)
    rewrite(data / CLICKS, "fe_2", lambda cell: f"{cell}.5", share=0.25)
    rows = len(pd.read_csv(data / CLICKS))
    with pytest.raises(BadInput, match=f"{int(rows * 0.25)} of {rows} cells of fe_2"):
        run_job()

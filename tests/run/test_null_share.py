"""A column whose cells would become NULL refuses the file: a model would be trained on nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from lakehouse.errors import BadInput
from lakehouse.months import MonthRange
from lakehouse.run.job import Report
from lakehouse.run.plan import Request

pytestmark = [pytest.mark.slow, pytest.mark.each]

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
        (FINANCIALS, "Annual_Income", lambda cell: cell.replace(".", ","), 'decimal=","'),
        (FINANCIALS, "Annual_Income", to_thousands, "thousands points"),
        (FINANCIALS, "Annual_Income", lambda c: f"{float(c.strip('_')):,.2f}", "commas"),
        (FINANCIALS, "Annual_Income", lambda c: f"{float(c.strip('_')) * 15000:.0f}", "currency"),
        (CLICKS, "fe_1", lambda cell: f"{cell}.5", "decimals where whole numbers were declared"),
        (FINANCIALS, "Credit_Mix", lambda cell: "Gut", "the form of the column has changed"),
        (
            FINANCIALS,
            "Type_of_Loan",
            lambda cell: "Autokredit",
            "the form of the column has changed",
        ),
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


@pytest.mark.parametrize(
    ("column", "change", "told"),
    [
        ("Total_EMI_per_month", lambda n: f"{n:,.2f}", "thousands with a separator"),
        ("Total_EMI_per_month", lambda n: f"{n:,.0f}".replace(",", "."), "thousands with points"),
        ("Monthly_Balance", lambda n: f"({-n})" if n < 0 else f"{n}", "without a minus in front"),
    ],
)
def test_few_cells_in_another_spelling_refuse_the_file_if_the_column_has_it(
    data: Path, tmp_path: Path, run_job: Run, column: str, change: Callable[[float], str], told: str
) -> None:
    amounts = iter([1234.0, -25.0, 2345.0])
    rewrite(data / FINANCIALS, column, lambda _: change(next(amounts, 310.0)))
    with pytest.raises(BadInput, match=f"cells? of {column} seem to have .*{told}.* --max-null 1"):
        run_job()
    assert not (tmp_path / "datamart" / "bronze").exists()


def test_a_cell_in_another_spelling_is_dirt_beside_others_of_its_column(
    data: Path, run_job: Run
) -> None:
    amounts = iter(["1,234", "(25)", "1.234", "-25", "2345"])
    rewrite(data / FINANCIALS, "Total_EMI_per_month", lambda cell: next(amounts, cell))
    assert run_job().release == 1


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


def test_a_share_far_above_that_of_the_months_before_refuses_the_file_until_it_is_allowed(
    data: Path, run_job: Run
) -> None:
    assert run_job(request=Request(MonthRange(None, "2023-07"))).release == 1
    rows = pd.read_csv(data / CLICKS, dtype=str)
    in_last = rows.index[rows.snapshot_date == rows.snapshot_date.max()]
    rows.loc[in_last[:10], "fe_1"] += ".5"
    rows.to_csv(data / CLICKS, index=False)
    jump = (
        rf"{CLICKS}: 10 of {len(in_last)} cells of fe_1 in 2023-08 would become NULL \(not a whole number\)"
        r": \d\d.\d%, where it was 0.0% in the months before, for example '99.9'.* --max-null 0.2$"
    )
    with pytest.raises(BadInput, match=jump):
        run_job()
    assert run_job(max_null=0.2).release == 2

"""How many applications find features, and what is told when far fewer do than before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from lakehouse.run.job import Report
from lakehouse.training.coverage import Coverage, Found, coverage, coverage_of
from tests.bank import FULL, Bank

CLICKS = "feature_clickstream.csv"


def group(*shares: tuple[int, int]) -> Coverage:
    """A group with these applications and finds, a month each."""
    months = {f"2024-{i:02d}": Found(*share) for i, share in enumerate(shares, start=1)}
    return Coverage("clicks", months)


@pytest.mark.parametrize(
    ("shares", "dropped"),
    [
        ([(10, 10), (10, 9), (10, 5)], []),
        ([(10, 10), (10, 4)], ["2024-02"]),
        ([(10, 10), (10, 0), (10, 0)], ["2024-02", "2024-03"]),
        ([(10, 10), (10, 0), (10, 8)], ["2024-02"]),
        ([(10, 0), (10, 0), (10, 9)], []),
        ([(10, 10), (2, 0)], []),
        ([(100, 20), (100, 9)], ["2024-02"]),
        ([], []),
    ],
)
def test_a_month_below_half_of_the_months_before_is_told_unless_it_may_be_chance(
    shares: list[tuple[int, int]], dropped: list[str]
) -> None:
    assert list(group(*shares).dropped) == dropped
    warning = group(*shares).warning()
    assert (warning is None) == (not dropped)
    assert all(month in (warning or "") for month in dropped[:1])


def test_a_warning_counts_what_is_missing() -> None:
    assert group((10, 10), (10, 0), (10, 1)).warning() == (
        "clicks: only 1 of 20 applications of 2024-02 to 2024-03 find features, after 100% in other months"
    )


def test_a_datamart_and_its_training_set_agree(pristine: Bank, tmp_path: Path) -> None:
    bank = pristine.copied(tmp_path / "bank")
    out = tmp_path / "train.parquet"
    bank.build(FULL, out)
    for of_loans, of_rows in zip(coverage(bank.store), coverage_of(out), strict=True):
        assert of_loans.group == of_rows.group
        assert of_rows.whole.applications > 20
        assert of_rows.whole.found <= of_loans.whole.found
    assert {group.group for group in coverage_of(out)} == {
        "attributes",
        "clickstream",
        "financials",
    }


def test_a_run_warns_of_a_group_that_ends(data: Path, run_job: Callable[..., Report]) -> None:
    def warned_from(datamart: Path) -> str:
        notes = run_job(datamart=datamart).notes
        (warning,) = [note for note in notes if note.startswith("clickstream: only ")]
        return warning.split(" applications of ")[1][:7]

    # As in the real files, loans outlive the clicks.
    assert warned_from(data.parent / "whole") == "2023-07"
    clicks = pd.read_csv(data / CLICKS, dtype=str, keep_default_na=False)
    clicks[clicks.snapshot_date < "2023-02"].to_csv(data / CLICKS, index=False)
    assert warned_from(data.parent / "cut") < "2023-07"

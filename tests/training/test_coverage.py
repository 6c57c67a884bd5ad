"""How many applications find features, and what is told when far fewer do than before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from lakehouse.run.job import Report
from lakehouse.training.coverage import Coverage, Found, coverage, coverage_of
from lakehouse.training.point_in_time import JoinedGroup
from tests.bank import CATALOG, FULL, Bank

CLICKS = "feature_clickstream.csv"


def group(*shares: tuple[int, int]) -> Coverage:
    """A group with these applications and finds, a month each."""
    months = {f"2024-{i:02d}": Found(*share) for i, share in enumerate(shares, start=1)}
    return Coverage("clicks", months)


@pytest.mark.parametrize(
    ("shares", "dropped"),
    [
        ([(30, 30), (30, 27), (30, 15)], []),
        ([(30, 30), (30, 12)], ["2024-02"]),
        ([(30, 30), (10, 0), (10, 0)], ["2024-02", "2024-03"]),
        ([(30, 30), (30, 0), (30, 24)], ["2024-02"]),
        ([(30, 0), (30, 0), (30, 27)], []),
        ([(30, 30), (5, 0), (6, 0)], []),
        ([(100, 40), (100, 19)], ["2024-02"]),
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
    assert group((10, 10), (10, 0), (10, 0)).warning() == (
        "clicks: none of 20 applications of 2024-02 to 2024-03 find features, after 100% in other months"
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


def test_an_application_finds_a_group_if_one_of_its_rows_is_in_the_window_of_that_day(
    pristine: Bank,
) -> None:
    def days(name: str, day: str) -> set[tuple[str, date]]:
        rows = pristine.log.read(CATALOG.table(name))
        return {(row["customer_id"], row[day]) for row in rows}

    applications = days("silver.loan_daily", "loan_start_date")
    for told, table in zip(coverage(pristine.store), CATALOG.feature_groups, strict=True):
        assert table.group
        held = days(table.full_name, "snapshot_date")
        window = JoinedGroup(
            told.group, "", (), table.group.max_age_months, table.group.delay_days
        ).window
        found = Counter(
            f"{applied:%Y-%m}"
            for customer, applied in applications
            if any(
                who == customer and window(applied)[0] <= day <= window(applied)[1]
                for who, day in held
            )
        )
        every = Counter(f"{applied:%Y-%m}" for _, applied in applications)
        assert told.by_month == {month: Found(n, found[month]) for month, n in every.items()}
        assert found.total() > 0


def test_a_run_warns_of_a_group_that_ends(data: Path, run_job: Callable[..., Report]) -> None:
    def warnings(datamart: Path) -> list[str]:
        notes = run_job(datamart=datamart).notes
        return [note for note in notes if note.startswith("clickstream: ")]

    assert warnings(data.parent / "whole") == []
    clicks = pd.read_csv(data / CLICKS, dtype=str, keep_default_na=False)
    clicks[clicks.snapshot_date < "2023-02"].to_csv(data / CLICKS, index=False)
    (warning,) = warnings(data.parent / "cut")
    assert " applications of 2023-0" in warning

"""A delivery that would delete more of a month than a correction does is refused, unless it is asked for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timezone
from pathlib import Path

import pandas as pd
import pytest
from deltalake import DeltaTable

from lakehouse.bronze.loan_daily import SOURCE, TABLE
from lakehouse.errors import BadInput
from lakehouse.landing.counts import Landed
from lakehouse.months import MonthRange
from lakehouse.releases.recorded import Recorded
from lakehouse.run.ingest import Delivery, Writer
from lakehouse.run.job import Report
from lakehouse.run.plan import Request
from lakehouse.table import DeliveryMode

LOANS = "lms_loan_daily.csv"
MONTH = "2023-06"
Run = Callable[..., Report]


@pytest.fixture
def june(data: Path, taken: Path, tmp_path: Path) -> pd.DataFrame:
    """The loans' rows of a month that a datamart holds; there are enough of them for shares."""
    shutil.copytree(taken, tmp_path / "datamart")
    loans = pd.read_csv(data / LOANS, dtype=str, keep_default_na=False)
    june = loans[loans.snapshot_date.str.startswith(MONTH)]
    assert len(june) > 20
    return june


def deliver(data: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    loans = pd.read_csv(data / LOANS, dtype=str, keep_default_na=False)
    change(loans).to_csv(data / LOANS, index=False)


def held(tmp_path: Path) -> set[str]:
    """The loans of the month in bronze."""
    rows = DeltaTable(tmp_path / "datamart" / "bronze" / "loan_daily").to_pandas()
    return {*rows[rows.month == MONTH].loan_id}


def without(lost: pd.DataFrame) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda loans: loans.drop(lost.index)


def test_late_rows_by_themselves_are_refused_and_nothing_changes(
    data: Path, june: pd.DataFrame, run_job: Run, tmp_path: Path
) -> None:
    deliver(data, lambda _loans: june.head(2))
    with pytest.raises(BadInput) as refused:
        run_job()
    told = str(refused.value)
    assert f"would delete {len(june) - 2} of {len(june)} rows of {MONTH}" in told
    assert "--delivery rows" in told and "--allow-shrink" in told
    assert len(held(tmp_path)) == len(june)


def test_a_month_whose_rows_are_all_replaced_by_others_is_refused(
    data: Path, june: pd.DataFrame, run_job: Run, tmp_path: Path
) -> None:
    others = june.assign(Customer_ID="CUS_0xff1", loan_id="CUS_0xff1_" + june.loan_id)
    deliver(data, lambda loans: pd.concat([loans.drop(june.index), others]))
    with pytest.raises(BadInput, match=f"would delete {len(june)} of {len(june)} rows of {MONTH}"):
        run_job()
    assert held(tmp_path) == {*june.loan_id}


@pytest.mark.parametrize("share", [0.0, 0.05])
def test_a_correction_that_drops_few_rows_is_taken(
    data: Path, june: pd.DataFrame, run_job: Run, tmp_path: Path, share: float
) -> None:
    lost = june.head(max(1, int(share * len(june))))
    deliver(data, without(lost))
    run_job()
    assert held(tmp_path) == {*june.loan_id} - {*lost.loan_id}


def test_a_month_shrinks_when_it_is_asked_for(
    data: Path, june: pd.DataFrame, run_job: Run, tmp_path: Path
) -> None:
    deliver(data, without(june.tail(5)))
    report = run_job(request=Request(allow_shrink=True))
    assert len(held(tmp_path)) == len(june) - 5
    assert report.tables["bronze.loan_daily"].deleted == 5


def test_rows_to_add_or_correct_delete_nothing_and_are_not_taken_again_as_months(
    data: Path, june: pd.DataFrame, run_job: Run, tmp_path: Path
) -> None:
    corrected = june.head(1).assign(paid_amt="1.0")
    new = june.head(1).assign(Customer_ID="CUS_0xff1", loan_id="CUS_0xff1_2023_06_01")
    deliver(data, lambda _loans: pd.concat([corrected, new]))
    report = run_job(request=Request(delivery="rows"))
    entry = report.tables["bronze.loan_daily"]
    assert (entry.inserted, entry.updated, entry.deleted) == (1, 1, 0)
    assert held(tmp_path) == {*june.loan_id, "CUS_0xff1_2023_06_01"}
    again = run_job(request=Request(full_refresh=True))
    assert again.tables["bronze.loan_daily"].changed == 0
    assert len(held(tmp_path)) == len(june) + 1


@pytest.mark.parametrize(
    ("declared", "asked", "rows_only"),
    [
        ("months", None, False),
        ("rows", None, True),
        ("rows", "months", False),
        ("months", "rows", True),
    ],
)
def test_what_a_delivery_is_is_declared_by_its_source_or_asked_for(
    declared: DeliveryMode, asked: DeliveryMode | None, rows_only: bool
) -> None:
    source = replace(SOURCE, delivery=declared)
    landed = Landed(source, (), Path("a"), Path("q"))
    writer = Writer("run", datetime.now(timezone.utc))
    delivery = Delivery(
        TABLE, landed, MonthRange(), Recorded(0), "code", writer, date(2024, 1, 1), asked
    )
    assert delivery.rows_only is rows_only

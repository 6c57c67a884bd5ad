"""Days that were read month first out of day-first files are found, and days that were read right pass."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from pyspark.sql import DataFrame

from lakehouse.audit.swapped import swapped_dates_check
from lakehouse.bronze.attributes import TABLE as ATTRIBUTES
from lakehouse.bronze.loan_daily import TABLE as LOANS
from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.engines.embedded import session
from lakehouse.table import Table

Row = tuple[date | None, str | None, str]  # snapshot_date, loan_start_date, run
YEAR = range(1, 13)
START = "bronze.loan_daily.loan_start_date"


def found(table: Table, rows: list[Row], refused: list[str] | None = None) -> dict[str, str]:
    """The evidence by column, for bronze rows of one file and the reasons of its open bad rows."""
    bronze = [(*row, "raw.csv", number) for number, row in enumerate(rows, start=2)]
    bad = [(table.name, None, [reason], "raw.csv", "r1", 9) for reason in refused or []]
    frames: dict[Table, Callable[[], DataFrame]] = {
        table: lambda: session().createDataFrame(
            bronze,
            "snapshot_date DATE, loan_start_date STRING, _run_id STRING, _source_file STRING,"
            " _source_row INT",
        ),
        QUARANTINE: lambda: session().createDataFrame(
            bad,
            "source STRING, mended_run_id STRING, reasons ARRAY<STRING>, _source_file STRING, _run_id STRING,"
            " _source_line INT",
        ),
    }
    check = swapped_dates_check([table], QUARANTINE, lambda asked: frames[asked]())
    return {each.subject: each.evidence for each in check.findings}


def first_of(month: int, run: str = "r1") -> Row:
    return date(2023, month, 1), None, run


def swapped(month: int, run: str = "r1") -> Row:
    """The first of a month, as a day-first file is read month first."""
    return date(2023, 1, month), None, run


def test_months_on_their_first_day_pass_and_days_of_one_month_are_found_in_a_monthly_source() -> (
    None
):
    assert found(ATTRIBUTES, [first_of(month) for month in YEAR]) == {}
    wrong = found(ATTRIBUTES, [swapped(month) for month in YEAR])
    assert wrong["bronze.attributes.snapshot_date"].startswith(
        "11 rows have a date that was read month first, such as 2023-01-02 for 2023-02-01, but their file "
        "looks day first (the first field is always 1, the second varies): "
    )


def test_it_is_found_though_each_month_came_by_itself() -> None:
    assert found(ATTRIBUTES, [first_of(month, f"r{month}") for month in YEAR]) == {}
    assert found(ATTRIBUTES, [swapped(month, f"r{month}") for month in YEAR])


@pytest.mark.parametrize("swapped_months", [range(7, 13), [8]])
def test_later_day_first_files_are_found_beside_months_that_were_read_right(
    swapped_months: list[int],
) -> None:
    right = [first_of(month) for month in range(1, 7)]
    wrong = found(ATTRIBUTES, [*right, *(swapped(month, "r2") for month in swapped_months)])
    assert wrong["bronze.attributes.snapshot_date"].startswith(f"{len(swapped_months)} rows ")


def test_days_of_a_loan_system_that_records_each_day_pass() -> None:
    every_day = [
        (date.fromordinal(date(2023, 1, 1).toordinal() + n), None, "r1") for n in range(90)
    ]
    assert found(LOANS, every_day) == {}
    assert found(LOANS, every_day[:12]) == {}


def test_texts_of_a_start_date_prove_an_order_although_the_other_column_is_in_iso_form() -> None:
    months = [date(year, month, 1) for year in (2023, 2024) for month in YEAR]
    wrong = found(LOANS, [(day, f"{day.day}/{day.month}/{day.year}", "r1") for day in months])
    assert set(wrong) == {START}
    assert "(24 months follow each other in this order only)" in wrong[START]
    assert found(LOANS, [(day, f"{day.month}/{day.day}/{day.year}", "r1") for day in months]) == {}


def test_texts_that_prove_nothing_are_told_as_unsure_and_dates_in_iso_form_are_not() -> None:
    unsure = found(LOANS, [(date(2023, 3, 1), "2/1/2023", "r1")])
    assert "may be 2023-01-02 or 2023-02-01, and no row of the file proves which" in unsure[START]
    assert found(LOANS, [(date(2023, 3, 1), "2023-01-02", "r1")]) == {}


def test_a_row_put_aside_proves_the_order_of_the_rows_that_were_taken() -> None:
    taken = [(date(2023, 5, 1), None, "r1"), (date(2023, 6, 4), None, "r1")]
    put_aside = ["snapshot_date is not in the calendar: '13/1/2023'"]
    assert found(LOANS, taken) == {}
    wrong = found(LOANS, taken, put_aside)["bronze.loan_daily.snapshot_date"]
    assert "such as 2023-05-01 for 2023-01-05" in wrong
    assert "('13/1/2023' on line 9 is a day in this order only)" in wrong
    assert found(LOANS, taken, ["snapshot_date is not in the calendar: '2/30/2023'"]) == {}

"""Labels and records of loans from before their application are found; those after it pass."""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame

from lakehouse.audit.applications import applications_check
from lakehouse.engines.embedded import session
from lakehouse.gold.label_store import TABLE as LABEL_STORE
from lakehouse.silver.loan_daily import TABLE as LOANS
from lakehouse.table import Table

JANUARY, JULY = date(2024, 1, 1), date(2024, 7, 1)
Seen = tuple[str, date, date]  # loan, day of application, snapshot_date


def found(labels: list[Seen], loans: list[Seen]) -> dict[str, str]:
    def read(table: Table) -> DataFrame:
        rows, start = (
            (labels, "application_date") if table == LABEL_STORE else (loans, "loan_start_date")
        )
        return session().createDataFrame(rows, f"loan_id STRING, {start} DATE, snapshot_date DATE")

    check = applications_check(LABEL_STORE, read)
    return {each.subject: each.evidence for each in check.findings}


def test_a_loan_seen_from_its_first_day_on_and_labelled_later_passes() -> None:
    assert found([("L1", JANUARY, JULY)], [("L1", JANUARY, JANUARY), ("L1", JANUARY, JULY)]) == {}


def test_a_label_of_the_day_of_its_application_or_of_before_is_found() -> None:
    wrong = found([("L1", JANUARY, JANUARY), ("L2", JULY, JANUARY), ("L3", JANUARY, JULY)], [])
    assert wrong[LABEL_STORE.full_name].startswith("2 labels were observed by the day ")


def test_a_loan_that_starts_after_it_was_first_seen_is_found_once() -> None:
    wrong = found([], [("L1", JULY, JANUARY), ("L1", JULY, JULY), ("L2", JANUARY, JULY)])
    assert wrong == {
        LOANS.full_name: "1 loans were seen before the day of the application, such as 'L1': applied for "
        "on 2024-07-01, seen on 2024-01-01; correct the loan file, then run again"
    }


def test_a_start_that_moved_behind_the_first_record_is_found() -> None:
    assert found([], [("L1", JANUARY, JANUARY), ("L1", JULY, JULY)])

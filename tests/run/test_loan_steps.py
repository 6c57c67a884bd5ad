"""A run tells of loans whose month on book restarts or jumps, or whose application moves."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from lakehouse.engines.embedded import EmbeddedStore, session
from lakehouse.gold.label_store import TABLE as LABEL_STORE
from lakehouse.months import MonthRange
from lakehouse.run.job import Job
from lakehouse.run.loan_steps import told
from lakehouse.run.plan import Request
from lakehouse.run.run import run
from lakehouse.silver.loan_daily import TABLE as LOANS
from lakehouse.storage.datamart import Datamart
from tests.narrow import narrow

Record = tuple[str, int | None]  # snapshot_date, month on book
START = "2023-01-01"
MONTHS = tuple(f"2023-{month:02d}" for month in range(1, 13))


def lines(*records: Record, start: str = START, changed: tuple[str, ...] = MONTHS) -> list[str]:
    """The lines about steps of one loan, and of another one beside it that is whole."""
    told_of = all_lines(*records, start=start, changed=changed)
    return [line for line in told_of if "is ahead of" not in line]


def all_lines(*records: Record, start: str = START, changed: tuple[str, ...] = MONTHS) -> list[str]:
    """The same, with the line about counters that are ahead of the calendar."""
    moved = date.fromisoformat(start)
    rows = [
        (
            "L1",
            date.fromisoformat(day),
            mob,
            day[:7],
            date.fromisoformat(START) if n == 0 else moved,
        )
        for n, (day, mob) in enumerate(records)
    ]
    rows += [("L2", date(2023, n, 1), n - 1, f"2023-{n:02d}", moved) for n in range(1, 13)]
    ddl = "loan_id STRING, snapshot_date DATE, mob INT, month STRING, loan_start_date DATE"
    assert LABEL_STORE.labels is not None
    found = told(session().createDataFrame(rows, ddl), LOANS, LABEL_STORE.labels.loans, changed)
    return [line.removeprefix("silver.loan_daily: ") for line in found]


@pytest.mark.parametrize(
    "records",
    [
        [("2023-01-01", 0), ("2023-02-01", 1), ("2023-03-01", 2)],
        [("2023-01-31", 0), ("2023-02-28", 1), ("2023-03-31", 2), ("2023-04-30", 3)],
        [("2023-01-14", 0), ("2023-01-15", 1), ("2023-02-14", 1), ("2023-02-16", 2)],
        [("2023-01-01", 0), ("2023-04-01", 3)],
        [("2023-01-01", 0), ("2023-02-01", None), ("2023-03-01", 2)],
        [("2023-01-01", 3), ("2023-09-01", 3)],
    ],
    ids=["first days", "last days", "daily", "months missing", "unknown", "too far apart"],
)
def test_records_that_follow_each_other_are_not_told(records: list[Record]) -> None:
    assert lines(*records) == []


@pytest.mark.parametrize(
    ("records", "line"),
    [
        (
            [("2023-05-01", 4), ("2023-06-01", 0), ("2023-07-01", 1)],
            "mob goes back in 1 record, such as L1: 4 on 2023-05-01, then 0 on 2023-06-01",
        ),
        (
            [("2023-05-01", 4), ("2023-06-01", 6), ("2023-07-01", 8)],
            "mob jumps in 2 records, such as L1: 4 on 2023-05-01, then 6 on 2023-06-01",
        ),
        (
            [("2023-05-01", 4), ("2023-06-01", 4), ("2023-07-01", 5)],
            "mob stays behind in 1 record, such as L1: 4 on 2023-05-01, then 4 on 2023-06-01",
        ),
        (
            [("2023-05-01", 4), ("2023-07-01", 5)],
            "mob stays behind in 1 record, such as L1: 4 on 2023-05-01, then 5 on 2023-07-01",
        ),
    ],
    ids=["restarts", "jumps", "repeats", "repeats in a gap"],
)
def test_a_counter_that_does_not_go_up_by_one_a_month_is_told(
    records: list[Record], line: str
) -> None:
    assert lines(*records) == [line]


def test_an_application_that_moves_between_records_is_told() -> None:
    assert lines(("2023-05-01", 4), ("2023-06-01", 5), start="2023-02-01") == [
        "loan_start_date changes in 1 record, such as L1: 2023-01-01 on 2023-05-01, then 2023-02-01 on "
        "2023-06-01"
    ]


@pytest.mark.parametrize(
    ("late", "is_told"), [("2023-05", True), ("2023-06", True), ("2023-07", False)]
)
def test_only_what_touches_a_changed_month_is_told_whichever_of_two_records_came_late(
    late: str, is_told: bool
) -> None:
    records = [("2023-05-01", 4), ("2023-06-01", 0), ("2023-07-01", 1)]
    assert bool(lines(*records, changed=(late,))) is is_told


def test_a_run_tells_it_once(data: Path, tmp_path: Path) -> None:
    file = data / "lms_loan_daily.csv"
    loans = pd.read_csv(file, dtype=str, keep_default_na=False)
    at_5 = loans[(loans.installment_num == "5") & loans.snapshot_date.str.startswith("2023-07")]
    row = at_5.index[0]
    loans.loc[row, "installment_num"] = "2"
    loans.to_csv(file, index=False)
    datamart = Datamart.at(tmp_path / "datamart", narrow())

    def notes(through: str | None = None) -> list[str]:
        scope = Request(MonthRange(last=through))
        report = run(Job(data, datamart, lambda datamart, _size: EmbeddedStore(datamart), scope))
        return [note for note in report.notes if note.startswith("silver.loan_daily: ")]

    assert notes("2023-06") == []
    such = f"in 1 record, such as {loans.loan_id[row]}"
    assert notes() == [
        f"silver.loan_daily: mob goes back {such}: 4 on 2023-06-01, then 2 on 2023-07-01",
        f"silver.loan_daily: mob jumps {such}: 2 on 2023-07-01, then 6 on 2023-08-01",
    ]
    assert notes() == []


@pytest.mark.parametrize(
    ("first", "line"),
    [
        (0, []),
        (1, ["mob is ahead of the months since loan_start_date in 1 loan, such as L1; does it"]),
    ],
)
def test_a_counter_that_begins_with_1_is_told(first: int, line: list[str]) -> None:
    records = [(f"2023-{month:02d}-01", month - 1 + first) for month in range(1, 9)]
    assert [each.split(" begin")[0] for each in all_lines(*records)] == line

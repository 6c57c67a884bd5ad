"""Which loans a training set leaves out, each under its own reason."""

from __future__ import annotations

from datetime import date

import pytest
from pyspark.sql import DataFrame

from lakehouse.engines.embedded import session
from lakehouse.label import LabelDefinition
from lakehouse.training.left_out import count_lines

LABEL = LabelDefinition("30dpd_6mob", dpd=30, mob=6)
NEWEST = date(2024, 1, 1)
COLUMNS = "loan_id STRING, customer_id STRING, snapshot_date DATE, mob INT, dpd INT, balance DOUBLE"
Day = tuple[str, int, int | None, float]  # the day, its mob, dpd and balance


def reasons(*days: Day) -> dict[str, int]:
    """Why a loan with these days is left out, without the reasons that no loan has."""
    rows = [("L", "C", date.fromisoformat(day), *rest) for day, *rest in days]
    loans = session().createDataFrame(rows, COLUMNS)
    nothing = labels_of(loans.where("false"))
    counted = count_lines(loans, nothing, None, LABEL, NEWEST, known_by=None)
    return {reason: count for reason, count in counted.items() if count}


def labels_of(loans: DataFrame, label: int | None = 0, by: str | None = None) -> DataFrame:
    """The same label for each loan, and the exclusion that it falls under."""
    return loans.selectExpr(
        "loan_id", "customer_id", f"CAST({'NULL' if label is None else label} AS INT) AS label",
        "snapshot_date AS label_observed", f"'{by}' AS _excluded_by",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        ([("2023-12-01", 5, 0, 500.0), ("2024-01-01", 5, 0, 500.0)], "too_young"),
        ([("2023-12-15", 5, 0, 500.0)], "too_young"),
        ([("2023-08-01", 2, 0, 0.0)], "closed_early"),
        ([("2023-06-01", 1, 0, 900.0), ("2023-08-01", 3, 0, -5.0)], "closed_early"),
        ([("2023-08-01", 4, 123, 900.0)], "written_off"),
        ([("2023-08-01", 2, 0, 900.0)], "no_longer_reported"),
        ([("2023-12-01", 5, 0, 900.0)], "no_longer_reported"),
        ([("2023-11-01", 5, 0, 900.0), ("2024-01-01", 7, 0, 900.0)], "not_seen_at_label_mob"),
        ([("2023-12-01", 6, None, 900.0)], "dpd_unknown"),
    ],
)
def test_a_loan_without_a_label_has_one_reason(days: list[Day], reason: str) -> None:
    assert reasons(*days) == {reason: 1}


def test_a_labelled_loan_has_none() -> None:
    rows = [("L", "C", date(2023, 12, 1), 6, 0, 500.0)]
    loans = session().createDataFrame(rows, COLUMNS)
    assert count_lines(loans, labels_of(loans), None, LABEL, NEWEST, known_by=None) == {
        "too_young": 0,
        "not_seen_at_label_mob": 0,
        "rows": 1,
    }


@pytest.mark.parametrize(
    ("label", "known_by", "line"),
    [
        (0, date(2023, 12, 1), "excluded_fraud"),
        (0, date(2023, 11, 30), "label_observed_later"),
        (None, date(2023, 11, 30), "label_observed_later"),
        (None, date(2023, 12, 1), "indeterminate"),
    ],
)
def test_a_loan_is_in_the_first_line_that_takes_it(
    label: int | None, known_by: date, line: str
) -> None:
    rows = [("L", "C", date(2023, 12, 1), 6, 0, 500.0)]
    loans = session().createDataFrame(rows, COLUMNS)
    labels, out = labels_of(loans, label), labels_of(loans, by="fraud")
    counted = count_lines(
        loans, labels.drop("_excluded_by"), out, LABEL, NEWEST, known_by, ["fraud"]
    )
    assert {name for name, n in counted.items() if n} == {line}
    assert "excluded_fraud" in counted, "told even if it leaves nothing out"


@pytest.mark.parametrize(
    ("due", "reason"), [("2024-01-02", "too_young"), ("2024-01-01", "outcome_unknown")]
)
def test_a_loan_whose_label_has_a_rule_is_left_out_by_the_day_that_it_is_due(
    due: str, reason: str
) -> None:
    unpaid = LabelDefinition("unpaid", rule="not paid at its end")
    loans = session().createDataFrame(
        [("L", "C", date(2023, 1, 1), date.fromisoformat(due))],
        "loan_id STRING, customer_id STRING, snapshot_date DATE, due DATE",
    )
    nothing = labels_of(loans.where("false"))
    counted = count_lines(loans, nothing, None, unpaid, NEWEST, known_by=None)
    assert counted == {"too_young": 0, "outcome_unknown": 0, "rows": 0, reason: 1}

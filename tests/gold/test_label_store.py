"""A label is observed at its month on book, and there only."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from lakehouse.engines.embedded import session
from lakehouse.gold import label_store
from lakehouse.gold.label_store import TABLE
from lakehouse.label import LabelDefinition
from lakehouse.months import shift


def labels_of(
    *rows: tuple[str, int | None, int | None], label_def: str = "30dpd_6mob"
) -> list[dict[str, Any]]:
    """One definition's labels of (loan, mob, dpd) rows of loans of 2023-01-01, a month a mob."""
    return [row for row in every_label_of(*rows) if row["label_def"] == label_def]


def every_label_of(*rows: tuple[str, int | None, int | None]) -> list[dict[str, Any]]:
    """The labels of all definitions, ordered by loan."""
    assert TABLE.transform is not None
    ddl = (
        "loan_id STRING, customer_id STRING, loan_start_date DATE, snapshot_date DATE,"
        " mob INT, dpd INT, balance DOUBLE, month STRING"
    )
    values = []
    for loan, mob, dpd in rows:
        month = shift("2023-01", mob or 0)
        day = date.fromisoformat(f"{month}-01")
        values.append((loan, f"C_{loan}", date(2023, 1, 1), day, mob, dpd, 500.0, month))
    found = TABLE.transform(session().createDataFrame(values, ddl)).collect()
    return sorted((row.asDict() for row in found), key=lambda row: row["loan_id"])


@pytest.mark.parametrize(("dpd", "label"), [(0, 0), (29, 0), (30, 1), (31, 1), (181, 1)])
def test_30_days_past_due_at_month_6_are_a_default_and_29_are_not(dpd: int, label: int) -> None:
    (row,) = labels_of(("L", 6, dpd))
    assert row == {
        "loan_id": "L",
        "customer_id": "C_L",
        "application_date": date(2023, 1, 1),
        "snapshot_date": date(2023, 7, 1),
        "mob": 6,
        "dpd": dpd,
        "label": label,
        "label_def": "30dpd_6mob",
        "month": "2023-07",
    }
    assert set(row) == set(TABLE.columns)


def test_only_month_6_counts_whatever_came_before_or_after() -> None:
    found = labels_of(
        *(("BEFORE", mob, 90 if mob < 6 else 0) for mob in range(11)),
        *(("AFTER", mob, 90 if mob > 6 else 0) for mob in range(11)),
        *(("AT", mob, 90 if mob == 6 else 0) for mob in range(11)),
    )
    assert [(row["loan_id"], row["label"]) for row in found] == [
        ("AFTER", 0),
        ("AT", 1),
        ("BEFORE", 0),
    ]


def test_a_loan_not_yet_seen_at_month_6_has_no_label() -> None:
    found = labels_of(("YOUNG", 5, 90), ("GAP", 5, 90), ("GAP", 7, 90), ("OLD", 6, 0))
    assert [row["loan_id"] for row in found] == ["OLD"]


def test_without_dpd_or_month_on_book_there_is_no_label() -> None:
    found = labels_of(("NO_DPD", 6, None), ("NO_MOB", None, 90), ("OLD", 6, 0))
    assert [row["loan_id"] for row in found] == ["OLD"]


@pytest.mark.parametrize(
    ("label_def", "mob", "dpd", "label"),
    [
        ("60dpd_6mob", 6, 59, 0),
        ("60dpd_6mob", 6, 60, 1),
        ("30dpd_3mob", 3, 29, 0),
        ("30dpd_3mob", 3, 30, 1),
    ],
)
def test_each_definition_has_its_own_day_and_its_own_bound(
    label_def: str, mob: int, dpd: int, label: int
) -> None:
    rows = [("L", each, dpd if each == mob else 0) for each in range(11)]
    (row,) = labels_of(*rows, label_def=label_def)
    assert (row["mob"], row["dpd"], row["label"]) == (mob, dpd, label)


def test_a_loan_has_the_labels_it_is_old_enough_for() -> None:
    found = every_label_of(("YOUNG", 3, 31), ("OLD", 3, 0), ("OLD", 6, 31))
    assert {(row["loan_id"], row["label_def"]): row["label"] for row in found} == {
        ("YOUNG", "30dpd_3mob"): 1,
        # It has no row in the month of this label, and was late before.
        ("YOUNG", "30dpd_ever_6mob"): 1,
        ("OLD", "30dpd_3mob"): 0,
        ("OLD", "30dpd_6mob"): 1,
        ("OLD", "60dpd_6mob"): 0,
        ("OLD", "30dpd_ever_6mob"): 1,
        ("OLD", "30dpd_6mob_indeterminate_1dpd"): 1,
    }


def test_a_definition_more_is_a_label_more(monkeypatch: pytest.MonkeyPatch) -> None:
    more = (*label_store.DEFINITIONS, LabelDefinition("60dpd_9mob", dpd=60, mob=9))
    before = every_label_of(("L", 6, 31), ("L", 9, 59))
    monkeypatch.setattr(label_store, "DEFINITIONS", more)
    found = every_label_of(("L", 6, 31), ("L", 9, 59))
    labels = {row["label_def"]: row["label"] for row in found}
    assert labels == {**{row["label_def"]: row["label"] for row in before}, "60dpd_9mob": 0}


def test_1_to_29_days_past_due_are_neither_good_nor_bad() -> None:
    rows = [(f"L{dpd:02}", 6, dpd) for dpd in (0, 1, 29, 30)]
    found = labels_of(*rows, label_def="30dpd_6mob_indeterminate_1dpd")
    assert [row["label"] for row in found] == [0, None, None, 1]

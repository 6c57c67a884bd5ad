"""Windows over a customer's months: those that exist, up to the row's own, never a later one."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pytest

from lakehouse.bronze.clickstream import SIGNALS
from lakehouse.engines.embedded import session
from lakehouse.gold.features_clickstream import TABLE

Clicks = dict[tuple[str, str], dict[str, int | None]]  # (customer, day): its signals
Features = dict[tuple[str, str], dict[str, Any]]


def features_of(clicks: Clicks, months: Sequence[str] | None = None) -> Features:
    """The features of each row, or of those of some months; signals that are not named are 0."""
    assert TABLE.transform is not None
    ddl = "customer_id STRING, snapshot_date DATE, month STRING, "
    ddl += ", ".join(f"{name} INT" for name in SIGNALS)
    rows = [
        (customer, date.fromisoformat(day), day[:7], *(signals.get(name, 0) for name in SIGNALS))
        for (customer, day), signals in clicks.items()
    ]
    random.Random(1).shuffle(rows)
    found = TABLE.transform(session().createDataFrame(rows, ddl), months=months).collect()
    assert len(found) == sum(months is None or row[2] in months for row in rows)
    return {(row["customer_id"], row["snapshot_date"].isoformat()): row.asDict() for row in found}


# A customer each: one signal by day. All are computed in one frame.
FE_1: dict[str, dict[str, int | None]] = {
    "alone": {"2023-05-01": 7},
    "seven in a row": {f"2023-{month:02d}-01": 10 ** (month - 1) for month in range(1, 8)},
    "gaps": {"2023-01-01": 6, "2023-04-01": 10, "2023-06-01": 20, "2024-01-01": 1},
    "turn of the year": {"2023-11-01": 1, "2023-12-01": 2, "2024-01-01": 6},
    "any day": {"2023-01-31": 1, "2023-02-28": 2, "2023-03-01": 6, "2023-06-30": 8},
    "null between": {"2023-01-01": 4, "2023-02-01": None, "2023-03-01": 8},
    "nothing but null": {"2023-01-01": None, "2023-02-01": None},
    "two in a month": {"2023-03-01": 1, "2023-03-20": 100, "2023-04-01": 10},
    "rising": {"2023-01-01": 10, "2023-02-01": 13, "2023-03-01": 16, "2023-06-01": 25},
}
Rows = dict[str, dict[str, dict[str, Any]]]  # customer: day: features


ALL: Clicks = {
    (who, day): {"fe_1": value} for who, values in FE_1.items() for day, value in values.items()
}


@pytest.fixture(scope="module")
def customers() -> Rows:
    found = features_of(ALL)
    rows: Rows = defaultdict(dict)
    for (who, day), row in found.items():
        rows[who][day] = row
    return rows


def test_every_declared_column_is_there_and_the_contracts_among_them(customers: Rows) -> None:
    row = customers["alone"]["2023-05-01"]
    assert set(row) == set(TABLE.columns)
    contract = {f"{name}{tail}" for name in SIGNALS for tail in ("", "_mean_3m", "_mean_6m")}
    assert contract | {"months_observed"} <= set(row)


@pytest.mark.parametrize("months", [["2023-06"], ["2023-03", "2024-01"]], ids=str)
def test_asked_for_some_months_their_rows_are_those_of_all_months(
    customers: Rows, months: list[str]
) -> None:
    found = features_of(ALL, months)
    assert {day[:7] for _, day in found} == {*months}
    assert all(row == customers[who][day] for (who, day), row in found.items())


def test_the_first_month_has_its_own_values_no_spread_and_no_trend(customers: Rows) -> None:
    row = customers["alone"]["2023-05-01"]
    assert (row["fe_1"], row["fe_1_mean_3m"], row["fe_1_mean_6m"]) == (7, 7.0, 7.0)
    assert row["fe_1_std_3m"] is row["fe_1_std_6m"] is row["fe_1_trend_6m"] is None
    assert (row["months_observed"], row["months_since_previous"]) == (1, None)


def test_a_window_ends_with_its_own_month_and_begins_2_or_5_months_before(customers: Rows) -> None:
    rows = customers["seven in a row"]
    assert rows["2023-04-01"]["fe_1_mean_3m"] == (10 + 100 + 1000) / 3
    assert rows["2023-04-01"]["fe_1_mean_6m"] == 1111 / 4
    assert rows["2023-06-01"]["fe_1_mean_6m"] == 111111 / 6
    assert rows["2023-07-01"]["fe_1_mean_6m"] == 1111110 / 6
    days = sorted(rows)
    assert [rows[day]["months_observed"] for day in days] == [1, 2, 3, 4, 5, 6, 6]
    assert [rows[day]["months_since_previous"] for day in days] == [None, *[1] * 6]


def test_months_that_are_missing_are_left_out_not_filled(customers: Rows) -> None:
    rows = customers["gaps"]
    assert rows["2023-04-01"]["fe_1_mean_3m"] == 10.0
    assert rows["2023-04-01"]["fe_1_mean_6m"] == 8.0
    assert rows["2023-06-01"]["fe_1_mean_3m"] == 15.0
    assert rows["2023-06-01"]["fe_1_mean_6m"] == 12.0
    observed = {day: (r["months_observed"], r["months_since_previous"]) for day, r in rows.items()}
    assert observed == {
        "2023-01-01": (1, None),
        "2023-04-01": (2, 3),
        "2023-06-01": (3, 2),
        "2024-01-01": (1, None),
    }


def test_a_window_crosses_the_years_end(customers: Rows) -> None:
    row = customers["turn of the year"]["2024-01-01"]
    assert (row["fe_1_mean_3m"], row["months_observed"]) == (3.0, 3)


def test_months_are_calendar_months_whatever_the_day(customers: Rows) -> None:
    rows = customers["any day"]
    assert rows["2023-03-01"]["fe_1_mean_3m"] == 3.0
    assert rows["2023-06-30"]["months_observed"] == 4


def test_a_signal_that_is_null_is_not_counted_as_0(customers: Rows) -> None:
    row = customers["null between"]["2023-03-01"]
    assert (row["fe_1_mean_3m"], row["months_observed"]) == (6.0, 3)
    assert row["fe_1_std_3m"] == pytest.approx(np.std([4, 8], ddof=1))
    assert row["fe_1_trend_3m"] == 2.0
    own = customers["null between"]["2023-02-01"]
    assert own["fe_1"] is None and own["fe_1_mean_3m"] == 4.0


def test_a_signal_that_is_null_in_the_whole_window_has_no_mean(customers: Rows) -> None:
    row = customers["nothing but null"]["2023-02-01"]
    assert row["fe_1_mean_3m"] is row["fe_1_std_6m"] is row["fe_1_trend_6m"] is None
    assert row["months_observed"] == 2


def test_of_two_snapshots_in_a_month_neither_sees_a_later_one(customers: Rows) -> None:
    rows = customers["two in a month"]
    assert rows["2023-03-01"]["fe_1_mean_3m"] == 1.0
    assert rows["2023-03-01"]["months_observed"] == 1
    assert rows["2023-03-20"]["fe_1_mean_3m"] == 100.0
    assert rows["2023-04-01"]["fe_1_mean_3m"] == 55.0
    assert rows["2023-04-01"]["months_observed"] == 2


def test_nothing_is_seen_of_another_customer() -> None:
    found = features_of(
        {
            ("A", "2023-01-01"): {"fe_1": 1},
            ("A", "2023-02-01"): {"fe_1": 3},
            ("B", "2023-01-01"): {"fe_1": 1000},
        }
    )
    assert found["A", "2023-02-01"]["fe_1_mean_3m"] == 2.0
    assert found["B", "2023-01-01"]["months_observed"] == 1


def test_a_trend_is_the_slope_a_month_and_rises_with_time(customers: Rows) -> None:
    rows = customers["rising"]
    assert rows["2023-03-01"]["fe_1_trend_3m"] == 3.0
    assert rows["2023-06-01"]["fe_1_trend_6m"] == 3.0
    assert rows["2023-06-01"]["fe_1_trend_3m"] is None


def test_activity_is_the_sum_of_the_signals_that_are_known() -> None:
    clicks: Clicks = {
        ("C", "2023-01-01"): {"fe_1": 5, "fe_2": None, "fe_20": -2},
        ("C", "2023-02-01"): {"fe_1": 1_000_000, "fe_20": 1_000_000},
    }
    found = features_of(clicks)
    assert found["C", "2023-01-01"]["activity_sum"] == 3
    assert found["C", "2023-02-01"]["activity_sum"] == 2_000_000
    assert found["C", "2023-02-01"]["activity_mean_6m"] == (3 + 2_000_000) / 2


def _month(day: str) -> int:
    return int(day[:4]) * 12 + int(day[5:7])


def _expected(clicks: Clicks, customer: str, day: str, months: int, name: str) -> list[list[int]]:
    """Months and values of a signal in a window, as the definition says: [x, y]."""
    latest: dict[int, str] = {}
    for who, when in sorted(clicks):
        earlier = _month(day) - months < _month(when) < _month(day)
        if who == customer and (earlier or when == day):
            latest[_month(when)] = when
    pairs = [(month, clicks[customer, when][name]) for month, when in latest.items()]
    return [[m, v] for m, v in pairs if v is not None]


def test_mean_spread_and_trend_are_those_of_numpy() -> None:
    draw = random.Random(7)
    clicks: Clicks = defaultdict(dict)
    for customer in "ABCDEFGHIJKL":
        for month in range(14):
            if draw.random() < 0.7:
                for day in draw.sample(["01", "15", "28"], draw.choice([1, 1, 2])):
                    when = f"{2023 + month // 12}-{month % 12 + 1:02d}-{day}"
                    for name in ("fe_1", "fe_7"):
                        value = None if draw.random() < 0.15 else draw.randint(-500, 500)
                        clicks[customer, when][name] = value
    found = features_of(dict(clicks))
    compared = 0
    for (customer, day), row in found.items():
        for name in ("fe_1", "fe_7"):
            for months in (3, 6):
                pairs = _expected(clicks, customer, day, months, name)
                x, y = (np.array([p[i] for p in pairs], dtype=float) for i in (0, 1))
                several = len(y) > 1
                assert row[f"{name}_mean_{months}m"] == (
                    pytest.approx(y.mean()) if len(y) else None
                )
                assert row[f"{name}_std_{months}m"] == (
                    pytest.approx(y.std(ddof=1), abs=1e-9) if several else None
                )
                assert row[f"{name}_trend_{months}m"] == (
                    pytest.approx(np.polyfit(x, y, 1)[0], abs=1e-6) if several else None
                )
                compared += several
        own_and_earlier = {
            _month(when)
            for who, when in clicks
            if who == customer and (when == day or _month(day) - 6 < _month(when) < _month(day))
        }
        assert row["months_observed"] == len(own_and_earlier)
        before = own_and_earlier - {_month(day)}
        assert row["months_since_previous"] == (_month(day) - max(before) if before else None)
    assert compared > 100

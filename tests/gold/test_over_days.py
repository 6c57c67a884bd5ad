"""Windows of days over events hold what a plain count by hand has, and no event of the day itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from math import fsum
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.errors import BadInput
from lakehouse.feature import Feature
from lakehouse.gold.feature_group import feature_group
from lakehouse.gold.over_days import days_asked, events_before, month_ends, months_back, over_days
from lakehouse.months import shift
from lakehouse.table import MONTH_FIELD, Field, Table
from lakehouse.testing import check_each_month, check_group_is_point_in_time, computed, frame

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ACCOUNT, DAY = Field("account", "STRING", "The account."), Field("day", "DATE", "The day.")
EVENTS = Table(
    "silver",
    "events",
    "An event.",
    ("account", "event", "day"),
    (
        ACCOUNT,
        Field("event", "STRING", "The event."),
        DAY,
        Field("amount", "DOUBLE", "The amount."),
        MONTH_FIELD,
    ),
    entity="account",
    date="day",
)
LOANS = replace(
    EVENTS, name="loans", doc="A loan.", keys=("account", "day"), fields=(ACCOUNT, DAY, MONTH_FIELD)
)
WINDOWS = (30, 90)
NAMES = [
    name
    for length in WINDOWS
    for name in (
        f"events_{length}d",
        *(f"amount_{s}_{length}d" for s in ("sum", "min", "max", "count")),
    )
]


def prepare(events: DataFrame, loans: DataFrame, months: Sequence[str] | None) -> DataFrame:
    ends = month_ends(events, ["account"], "asked_on", "day")
    applied = loans.withColumnRenamed("day", "asked_on")
    asked = days_asked(["account"], "asked_on", ends, applied, months=months)
    return over_days(asked, events, ["account"], "asked_on", "day", ["amount"], WINDOWS)


def group(look_back_days: int = max(WINDOWS)) -> Table:
    return feature_group(
        "turnover",
        "The turnover before a day.",
        EVENTS,
        [Feature(name, "DOUBLE", name, (name,), lambda column: column) for name in NAMES],
        max_age_months=1,
        prepare=prepare,
        joined=(LOANS,),
        date="asked_on",
        look_back_days=look_back_days,
    )


GROUP = group()
Event = tuple[str, date, float | None]
FIRST = date(2023, 1, 1)
EVENT = st.tuples(
    st.sampled_from("AB"),
    st.integers(0, 200).map(lambda n: FIRST + timedelta(n)),
    st.none() | st.integers(-500, 500).map(lambda cents: cents / 100),
)


def rows_of(events: Sequence[Event], loans: Sequence[tuple[str, date]]) -> dict[str, list[Any]]:
    return {
        "silver.events": [
            {"account": who, "day": day, "amount": amount, "event": f"E{n}"}
            for n, (who, day, amount) in enumerate(events)
        ],
        "silver.loans": [{"account": who, "day": day} for who, day in loans],
    }


def by_hand(events: Sequence[Event], who: str, day: date) -> dict[str, float | None]:
    expected: dict[str, float | None] = {}
    for length in WINDOWS:
        ages = [(day - happened).days for other, happened, _ in events if other == who]
        amounts = [
            amount
            for other, happened, amount in events
            if other == who and amount is not None and 1 <= (day - happened).days <= length
        ]
        expected |= {
            f"events_{length}d": sum(1 <= age <= length for age in ages),
            f"amount_count_{length}d": len(amounts),
            f"amount_sum_{length}d": round(fsum(amounts), 6) if amounts else None,
            f"amount_min_{length}d": min(amounts, default=None),
            f"amount_max_{length}d": max(amounts, default=None),
        }
    return expected


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(EVENT, min_size=1, max_size=30),
    st.sets(st.tuples(st.sampled_from("AC"), EVENT.map(lambda event: event[1])), max_size=4),
)
def test_windows_are_as_counted_by_hand_and_each_month_by_itself_is_the_same(
    events: list[Event], loans: set[tuple[str, date]]
) -> None:
    given = rows_of(events, sorted(loans))
    found = computed(GROUP, given)
    ends = {(who, _end(day)) for who, day, _ in events}
    assert {(row["account"], row["asked_on"]) for row in found} == ends | loans
    for row in found:
        assert {name: row[name] for name in NAMES} == by_hand(
            events, row["account"], row["asked_on"]
        )
        assert row["month"] == f"{row['asked_on']:%Y-%m}"
    check_each_month(GROUP, given)


def _end(day: date) -> date:
    return date.fromisoformat(f"{shift(f'{day:%Y-%m}', 1)}-01") - timedelta(1)


def test_no_event_of_the_day_itself_counts_and_the_last_day_of_a_window_does() -> None:
    day = date(2023, 3, 15)
    events: list[Event] = [("A", day - timedelta(age), 1.0) for age in (0, 1, 30, 31, 90, 91)]
    (row,) = [r for r in computed(GROUP, rows_of(events, [("A", day)])) if r["asked_on"] == day]
    assert (row["events_30d"], row["events_90d"]) == (2, 4)


def test_events_before_a_day_have_their_age_also_where_both_days_have_one_name() -> None:
    day = date(2023, 3, 15)
    given = rows_of(
        [("A", day - timedelta(age), float(age)) for age in (0, 1, 30, 31)], [("A", day)]
    )
    events, loans = frame(EVENTS, given["silver.events"]), frame(LOANS, given["silver.loans"])
    found = events_before(loans, events, ["account"], "day", "day", 30).collect()
    assert sorted((row["day"], row["age_days"], row["amount"]) for row in found) == [
        (day, 1, 1.0), (day, 30, 30.0),
    ]  # fmt: skip


def test_it_knows_nothing_later_and_a_look_back_that_is_too_short_is_found() -> None:
    check_group_is_point_in_time(GROUP)
    events: list[Event] = [("A", date(2023, 1, 31), 1.0), ("A", date(2023, 3, 20), 2.0)]
    given = rows_of(events, [("A", date(2023, 4, 1))])
    check_each_month(GROUP, given)
    with pytest.raises(
        BadInput, match=r"window of 90 days .* declares 2; declare look_back_days=90"
    ):
        check_each_month(group(look_back_days=30), given)


def test_a_look_back_in_days_reads_each_month_that_may_have_such_a_day() -> None:
    assert [months_back(days) for days in (0, 1, 28, 29, 30, 31, 59, 60, 90, 180, 365, 366)] == [
        0, 1, 1, 2, 2, 2, 2, 3, 4, 6, 12, 13,
    ]  # fmt: skip
    for days in (30, 90, 180):
        for n in range(1500):
            day = FIRST + timedelta(n)
            earliest = day - timedelta(days)
            months = (day.year - earliest.year) * 12 + day.month - earliest.month
            assert months <= months_back(days)

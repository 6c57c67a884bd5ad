"""Times of events, and the forms of dates that a source declares: read to the second, or refused with why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.bronze.raw import bronze_table
from lakehouse.declared.sources import source_faults
from lakehouse.errors import BadInput
from lakehouse.landing import cells
from lakehouse.landing.land import land
from lakehouse.silver.cleaning import date as date_cell
from lakehouse.silver.cleaning import silver_table, time
from lakehouse.table import Field, Source
from lakehouse.testing import computed

EVENTS = Source(
    name="events",
    file_names=("events.csv",),
    columns=(
        Field("event", "STRING", "The event."),
        Field("who", "STRING", "Whose it is."),
        Field("day", "STRING", "Its day."),
        Field("at", "STRING", "Its time."),
    ),
    keys=("event", "who", "day"),
    entity="who",
    date="day",
    required=(("event", "text"), ("who", "text"), ("day", "date"), ("at", "time")),
    day_of=(("day", "at"),),
)
SIX = replace(EVENTS, date_form="yymmdd", first_year=1970)
POINTS = replace(EVENTS, date_form="dd.mm.yyyy")
Land = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def landed(tmp_path: Path) -> Land:
    """The accepted day and time of each event, then the reasons of the rows in quarantine."""

    def call(source: Source, *lines: str, header: str = "event,who,at") -> list[tuple[Any, ...]]:
        file = tmp_path / "events.csv"
        file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        found = land(source, file, tmp_path / "into", max_bad=1)
        good = duckdb.sql(f'SELECT "day", "at", month FROM \'{found.accepted}\' ORDER BY event')
        bad = duckdb.sql(f"SELECT reasons FROM '{found.quarantined}' ORDER BY _source_row")
        return [*good.fetchall(), *bad.fetchall()]

    return call


def test_the_day_of_an_event_is_that_of_its_time_and_one_has_several_a_day(landed: Land) -> None:
    found = landed(
        EVENTS, "E1,A,2023-05-31 23:59:59", "E2,A,2023-05-31T00:00", "E3,A,2023-06-01 07:08:09.25"
    )
    assert found == [
        (date(2023, 5, 31), "2023-05-31 23:59:59", "2023-05"),
        (date(2023, 5, 31), "2023-05-31 00:00:00", "2023-05"),
        (date(2023, 6, 1), "2023-06-01 07:08:09.25", "2023-06"),
    ]


def test_a_time_of_day_is_on_the_day_of_its_row(landed: Land) -> None:
    header = "event,who,day,at"
    assert landed(SIX, "E1,A,930131,14:05", header=header) == [
        (date(1993, 1, 31), "1993-01-31 14:05:00", "1993-01")
    ]


def test_a_time_on_another_day_than_its_row_or_that_is_none_goes_to_quarantine(
    landed: Land,
) -> None:
    lines = (
        "E1,A,2023-05-31,2023-06-01 00:00", "E2,A,2023-05-31,24:00", "E3,A,2023-05-31,",
        "E4,A,2023-05-31,2023-05-31 10:00:00Z", "E5,A,2023-05-31,2023-05-31",
    )  # fmt: skip
    reasons = [
        why for (found,) in landed(EVENTS, *lines, header="event,who,day,at") for why in found
    ]
    no_time = "at is not a time like 2023-05-01 14:05:09, without a zone: "
    assert reasons == [
        "at is on another day than day: '2023-06-01 00:00'",
        f"{no_time}'24:00'",
        "at is missing",
        f"{no_time}'2023-05-31 10:00:00Z'",
        f"{no_time}'2023-05-31'",
    ]


def test_times_with_slashes_have_the_order_that_the_file_proves_or_are_refused(
    landed: Land,
) -> None:
    assert landed(EVENTS, "E1,A,5/1/2023 10:00", "E2,A,31/1/2023 10:00")[0][0] == date(2023, 1, 5)
    with pytest.raises(BadInput, match="may be"):
        landed(EVENTS, "E1,A,5/1/2023 10:00")
    without_date = replace(EVENTS, date="", keys=("event",), day_of=(), columns=EVENTS.columns)
    without_date = replace(
        without_date,
        columns=tuple(c for c in EVENTS.columns if c.name != "day"),
        required=tuple(pair for pair in EVENTS.required if pair[0] != "day"),
    )
    with pytest.raises(BadInput, match="may be"):
        landed(without_date, "E1,A,5/1/2023 10:00")


def test_six_digits_are_a_day_of_the_hundred_years_that_are_declared(landed: Land) -> None:
    header = "event,who,day,at"
    lines = [f"E{n},A,{text},00:00" for n, text in enumerate(("700101", "691231", "000229"))]
    days = [row[0] for row in landed(SIX, *lines, header=header)]
    # 2069 is in the future.
    assert days[:2] == [date(1970, 1, 1), date(2000, 2, 29)]
    assert days[2] == ["day is in the future: '691231'", "at is in the future: '00:00'"]
    assert landed(SIX, "E1,A,930229,00:00", header=header)[0][0][0] == (
        "day is not in the calendar: '930229'"
    )
    assert landed(SIX, "E1,A,93131,00:00", header=header)[0][0][0] == (
        "day is not a date like 2023-05-01 or 930131: '93131'"
    )


def test_dates_with_points_are_read_where_they_are_declared_only(landed: Land) -> None:
    lines, header = ["E1,A,31.1.1993,00:00", "E2,A,01.02.1993,00:00"], "event,who,day,at"
    assert [row[0] for row in landed(POINTS, *lines, header=header)] == [
        date(1993, 1, 31), date(1993, 2, 1),
    ]  # fmt: skip
    assert (
        "is not a date like 2023-05-01 or 5/1/2023"
        in landed(EVENTS, *lines, header=header)[0][0][0]
    )


@given(st.dates(date(1970, 1, 1), date(2069, 12, 31)), st.integers(1900, 2000))
def test_six_digits_that_are_written_are_read_again(day: date, first: int) -> None:
    source = replace(SIX, first_year=first)
    year = first + (day.year - first) % 100
    written = f"{day:%y%m%d}"
    try:
        expected = date(year, day.month, day.day)
    except ValueError:
        expected = None
    sql = cells.day(f"'{written}'", None, source)
    assert duckdb.sql(f"SELECT {sql}").fetchall() == [(expected,)]


@pytest.mark.parametrize("source", [SIX, POINTS])
def test_silver_reads_the_same_forms_and_a_time_is_a_timestamp(source: Source) -> None:
    columns = (*source.columns, Field("other", "STRING", "Another day, which need not be there."))
    bronze = bronze_table(replace(source, columns=columns), "Events.")
    silver = silver_table(bronze, "Events.", [time("at", "When."), date_cell("other", "Other.")])
    texts = {"930131": SIX, "31.1.1993": POINTS, "1993-01-31": source, "5/1/1993": None}
    rows = [
        {"event": f"E{n}", "at": "1993-01-31 14:05:09", "other": text}
        for n, text in enumerate(texts)
    ]
    rows.append({"event": "E9", "at": "soon"})
    *read, last = computed(silver, rows)
    assert [row["other"] for row in read] == [
        date(1993, 1, 31) if reads == source else None for reads in texts.values()
    ]
    assert {row["at"] for row in read} == {datetime(1993, 1, 31, 14, 5, 9)}
    assert last["at"] is None and last["_issues"] == ["at: not a time"]


def test_a_form_without_what_it_needs_and_a_day_of_no_time_are_refused() -> None:
    for wrong in ({"date_form": "yymmdd"}, {"first_year": 1970}, {"date_form": "mmddyy"}):
        with pytest.raises(BadInput, match="source events declares date_form"):
            replace(EVENTS, **wrong)
    (fault,) = source_faults(replace(EVENTS, day_of=(("day", "att"),)))
    assert fault == "source events: day_of 'att' is none of its columns; is it at?"
    (fault,) = source_faults(replace(EVENTS, day_of=(("day", "who"),)))
    assert "day_of has who, which is not required as a time; add ('who', 'time')" in fault

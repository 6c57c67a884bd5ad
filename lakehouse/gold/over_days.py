"""Features over events: sums, counts and extremes of the days before the day on which a row is asked.

An application has a day and no time, so nobody can tell which events of that day came before it. Some, as the
payout of the loan itself, come after it. Therefore a window of 30 days is the 30 days before the day, and no
event of the day itself counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import reduce
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.errors import BadInput
from lakehouse.feature import READ_BACK
from lakehouse.table import MONTH

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

AGE = "age_days"
_ASKED, _HAPPENED, _SPAN = "_asked", "_happened", "_span"
# Sums of doubles depend on their order, which no engine promises; sums of these do not.
_EXACT = "decimal(38,6)"


def days_asked(
    on: Sequence[str], day: str, *rows: DataFrame, months: Sequence[str] | None = None
) -> DataFrame:
    """Each entity and day of these rows once, with its month; of these `months` only, if they are given.

    `on` are the columns of the entity. The day must be the date of the table that it is from, or the end of
    such a month. Then a change of that row computes the right month again.
    """
    named = (each.select(*on, day) for each in rows)
    every = reduce(lambda one, other: one.unionByName(other), named).distinct()
    dated = every.where(F.col(day).isNotNull()).withColumn(MONTH, F.date_format(day, "yyyy-MM"))
    return dated if months is None else dated.where(F.col(MONTH).isin(list(months)))


def month_ends(events: DataFrame, on: Sequence[str], day: str, happened: str) -> DataFrame:
    """Each entity with the last day of each month in which it has an event, as the column `day`."""
    return events.select(*on, F.last_day(happened).alias(day)).distinct()


def events_before(
    asked: DataFrame, events: DataFrame, on: Sequence[str], day: str, happened: str, days: int
) -> DataFrame:
    """The days that are asked, each with each event of so many days before, and its `age_days`.

    An event of the day before has the age 1. It is for statistics that `over_days` does not have, as of
    different values; group them by `on` and `day`. A day without an event has no row.
    """
    _check_look_back(days)
    asked_days = asked.select(*on, day).distinct().withColumn(_ASKED, _number(day))
    known = events.withColumn(_HAPPENED, _number(happened)).drop(day, MONTH)
    # An event meets the rows of its own span of days and of the next one, not all rows of its entity.
    span = F.floor(F.col(_ASKED) / days).cast("int")
    by_span = asked_days.withColumn(_SPAN, F.explode(F.array(span, span - 1)))
    spanned = known.withColumn(_SPAN, F.floor(F.col(_HAPPENED) / days).cast("int"))
    met = by_span.join(spanned, [*on, _SPAN])
    aged = met.withColumn(AGE, F.col(_ASKED) - F.col(_HAPPENED))
    return aged.where(F.col(AGE).between(1, days)).drop(_ASKED, _HAPPENED, _SPAN)


def over_days(
    asked: DataFrame,
    events: DataFrame,
    on: Sequence[str],
    day: str,
    happened: str,
    columns: Sequence[str],
    windows: Sequence[int],
) -> DataFrame:
    """The rows that are asked, with statistics of each column of the events of the days before `day`.

    `on` are the columns of the entity, `happened` is the day of an event, and `windows` are lengths in days.
    For amount and 30 days these are `amount_sum_30d`, `amount_min_30d`, `amount_max_30d` and
    `amount_count_30d`, and `events_30d` counts all events. An event on the day itself is in no window.
    Values that are NULL do not count. Without a value a count is 0, and the others are NULL. Sums are exact
    to 6 decimals, so that they are the same in whichever order events are added.
    """
    met = events_before(asked, events, on, day, happened, max(windows))
    results = [each for length in windows for each in _statistics(columns, length, F.col(AGE))]
    found = met.groupBy(*on, day).agg(*results)
    counts = [f"events_{length}d" for length in windows]
    counts += [f"{column}_count_{length}d" for column in columns for length in windows]
    return asked.join(found, [*on, day], "left").fillna(0, counts)


def _check_look_back(days: int) -> None:
    """BadInput if the feature group that runs now does not read so many days before its own."""
    held = READ_BACK.get()
    if held is not None and months_back(days) > held:
        raise BadInput(
            f"a window of {days} days reads {months_back(days)} months back, and the feature group declares "
            f"{held}; declare look_back_days={days}"
        )


def _number(day: str) -> Column:
    return F.datediff(F.col(day), F.lit(date(1970, 1, 1)))


def _statistics(columns: Sequence[str], length: int, age: Column) -> list[Column]:
    """The statistics of the events that are at most so many days old."""
    within = age <= length
    found = [F.count(F.when(within, 1)).alias(f"events_{length}d")]
    for column in columns:
        value = F.when(within, F.col(column))
        found += [
            F.sum(value.try_cast(_EXACT)).cast("double").alias(f"{column}_sum_{length}d"),
            F.min(value).alias(f"{column}_min_{length}d"),
            F.max(value).alias(f"{column}_max_{length}d"),
            F.count(value).alias(f"{column}_count_{length}d"),
        ]
    return found


def months_back(days: int) -> int:
    """The most months by which a day may be behind the month of a day that is so many days later."""
    firsts = [date(year, month, 1) for year in range(2000, 2008) for month in range(1, 13)]
    earlier = ((first, first - timedelta(days)) for first in firsts)
    return max((first.year - day.year) * 12 + first.month - day.month for first, day in earlier)

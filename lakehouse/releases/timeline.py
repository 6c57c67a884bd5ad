"""The release that is the newest known one on each day, by one of two clocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from lakehouse.days import FIRST_DAY, UTC, zone
from lakehouse.releases.published import known_by
from lakehouse.releases.release import Release

# By the last month of raw data that a release knew, or by the day on which it was finished.
MONTH_CLOCK, FINISHED_CLOCK = "month", "finished"
CLOCKS = (MONTH_CLOCK, FINISHED_CLOCK)


@dataclass(frozen=True)
class Step:
    """A release, and the day from which on it is the newest known one."""

    since: date
    release: Release


def timeline(releases: Sequence[Release], clock: str, time_zone: str = UTC) -> list[Step]:
    """The steps of some releases, oldest first; before the first step no release is known.

    With the clock `month` a release is known from the first day of its last month of raw data on. With
    `finished` it is known from the day after the one on which it was finished, as the bank's calendar says.
    """
    found = _by_month(releases) if clock == MONTH_CLOCK else _by_finish(releases, time_zone)
    return list(_changes(found))


def _by_month(releases: Sequence[Release]) -> Iterator[Step]:
    for month in sorted({release.through or f"{FIRST_DAY:%Y-%m}" for release in releases}):
        newest = known_by(releases, month)
        if newest:
            yield Step(date.fromisoformat(f"{month}-01"), newest)


def _by_finish(releases: Sequence[Release], time_zone: str) -> Iterator[Step]:
    bank = zone(time_zone)
    # Later releases replace earlier ones of the same day.
    by_day = {
        release.finished_at.astimezone(bank).date() + timedelta(1): release for release in releases
    }
    for day in sorted(by_day):
        yield Step(day, by_day[day])


def _changes(steps: Iterable[Step]) -> Iterator[Step]:
    """Only the steps at which the release becomes a newer one."""
    newest = 0
    for step in steps:
        if step.release.number > newest:
            newest = step.release.number
            yield step

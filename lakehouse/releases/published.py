"""Releases that were published: all of them, and the one of a number, time or month."""

from __future__ import annotations

from datetime import datetime, timezone

from lakehouse.errors import BadInput
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.months import checked_month
from lakehouse.releases.ledger_rows import rows
from lakehouse.releases.release import Release
from lakehouse.storage.log import Log


def releases(log: Log) -> list[Release]:
    """Every release, oldest first."""
    return sorted(map(Release.from_row, rows(log, RELEASES)), key=lambda each: each.number)


def kept(log: Log) -> list[Release]:
    """The releases that vacuum has not given up, oldest first."""
    return [each for each in releases(log) if each.is_kept]


def release(log: Log, number: int) -> Release:
    """The release of that number; BadInput if there is none."""
    known = releases(log)
    for each in known:
        if each.number == number:
            return each
    span = f"there are 1 to {known[-1].number}" if known else "there is none yet: run main.py"
    raise BadInput(f"no release {number}; {span}")


def newest(log: Log) -> Release:
    """The newest release; BadInput where there is none."""
    known = releases(log)
    return known[-1] if known else release(log, 1)


def at_time(log: Log, moment: datetime) -> Release:
    """The newest release that was finished by a moment; BadInput before the first."""
    finished = [each for each in releases(log) if each.finished_at <= moment]
    if finished:
        return finished[-1]
    first = release(log, 1).finished_at
    by, at = (f"{each.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S}" for each in (moment, first))
    raise BadInput(f"no release was finished by {by} UTC; the first was at {at}")


def at_month(log: Log, month: str) -> Release:
    """The newest release that knew raw data up to a month and no later one; BadInput where none did."""
    checked_month(month)
    known = [each for each in releases(log) if each.through is None or each.through <= month]
    if known:
        return known[-1]
    first = release(log, 1).through
    raise BadInput(
        f"no release knew data up to {month} and not more; the first knew data up to {first}"
    )

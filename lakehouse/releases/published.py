"""Published releases: all of them, or the one with a number, at a time or for a month."""

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
    return sorted(map(Release.from_row, rows(log, RELEASES)), key=lambda release: release.number)


def kept(log: Log) -> list[Release]:
    """The releases that vacuum has not given up, oldest first."""
    return [release for release in releases(log) if release.is_kept]


def release(log: Log, number: int) -> Release:
    """The release of that number; BadInput if there is none."""
    all_releases = releases(log)
    for candidate in all_releases:
        if candidate.number == number:
            return candidate
    if not all_releases:
        raise BadInput(f"no release {number}; there is none yet: run main.py")
    raise BadInput(f"no release {number}; there are 1 to {all_releases[-1].number}")


def newest(log: Log) -> Release:
    """The newest release; BadInput if there is none."""
    all_releases = releases(log)
    return all_releases[-1] if all_releases else release(log, 1)


def at_time(log: Log, moment: datetime) -> Release:
    """The newest release that was finished at a moment; BadInput if that is before the first."""
    finished = [release for release in releases(log) if release.finished_at <= moment]
    if finished:
        return finished[-1]
    first = release(log, 1).finished_at
    by, at = (f"{time.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S}" for time in (moment, first))
    raise BadInput(f"no release was finished by {by} UTC; the first was at {at}")


def at_month(log: Log, month: str) -> Release:
    """The newest release that knew raw data up to a month and no later month; BadInput if there is none."""
    checked_month(month)
    earlier = [r for r in releases(log) if r.through is None or r.through <= month]
    if earlier:
        return earlier[-1]
    first = release(log, 1).through
    raise BadInput(
        f"no release knew data up to {month} and not more; the first knew data up to {first}"
    )

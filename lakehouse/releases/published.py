"""Published releases: all of them, or the one with a number, at a time or for a month."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from datetime import datetime, timezone

from lakehouse.errors import BadInput
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.months import checked_month
from lakehouse.releases.ledger_rows import rows
from lakehouse.releases.release import Release
from lakehouse.storage.log import Log


def releases(log: Log, version: int | None = None) -> list[Release]:
    """Every release, or those that a version of the ledger has; oldest first."""
    stored = rows(log, RELEASES, version)
    return sorted(map(Release.from_row, stored), key=lambda release: release.number)


def checksums(releases: Iterable[Release]) -> dict[str, str]:
    """SHA-256 of each data file of some releases, oldest first, by layer/table/path of the file."""
    return {path: sha256 for release in releases for path, sha256 in release.checksums.items()}


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


def checked_number(given: object) -> int:
    """The number of a release as a user of Python gives it; BadInput for anything else, as a text."""
    try:
        if not isinstance(given, bool):
            return operator.index(given)  # type: ignore[arg-type]
    except TypeError:
        pass
    raise BadInput(
        f"{given!r} is not the number of a release; give one as 3, or ask at() by month='2023-05' or "
        "timestamp='2023-07-01 12:00'"
    )


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
    newest_then = known_by(releases(log), month)
    if newest_then:
        return newest_then
    first = release(log, 1).through
    raise BadInput(
        f"no release knew data up to {month} and not more; the first knew data up to {first}"
    )


def known_by(releases: Iterable[Release], month: str) -> Release | None:
    """The newest of some releases, oldest first, that knew data up to a month and no later month."""
    earlier = [r for r in releases if r.through is None or r.through <= month]
    return earlier[-1] if earlier else None

"""Days: the order in which the dates of a file are written, and the calendar day of the bank."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timezone, tzinfo
from zoneinfo import ZoneInfo

from lakehouse.errors import BadInput

UTC = "UTC"
FIRST_DAY = date(1970, 1, 1)  # nothing of a bank is older, so an earlier year is a misread one
_TIME = "[ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?"
DAY_OR_TIME = f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}({_TIME})?"
TIME_WITH_ZONE = (
    f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{_TIME} ?(?P<offset>Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)"
)

# By the name that a user gives, what comes first in it.
DATE_ORDERS = {"dmy": "day first", "mdy": "month first", "ymd": "year first"}

# Forms of dates that a source may declare, each with its regular expression and one that shows it.
DATE_FORMS = {
    "yymmdd": ("[0-9]{6}", "930131"),
    "dd.mm.yyyy": ("[0-9]{1,2}[.][0-9]{1,2}[.][0-9]{4}", "31.1.1993"),
}


@dataclass(frozen=True)
class DateOrder:
    """The order of a file's dates, a name of DATE_ORDERS, and in words what proved it."""

    order: str
    proof: str

    @property
    def spelt(self) -> str:
        """The order in words, as `day first`."""
        return DATE_ORDERS[self.order]


def zone(name: str) -> tzinfo:
    """The time zone of that name; BadInput where there is none."""
    try:
        return ZoneInfo(name)
    # A name may also be a folder of zones, or no path at all.
    except (OSError, ValueError, KeyError):
        raise BadInput(f"{name!r} is not a time zone; write it as Asia/Singapore") from None


def today(time_zone: str = UTC) -> date:
    """The calendar day that it is there now."""
    return datetime.now(zone(time_zone)).date()


def checked_day(text: str) -> date:
    """The day that is written as YYYY-MM-DD; BadInput for another form, and for a day that is none."""
    day = day_of(text)
    if day is None or len(text) != len("YYYY-MM-DD"):
        raise BadInput(f"{text!r} is not a day since 1970; write it as 2024-06-30")
    return day


def day_of(text: str, time_zone: str = UTC) -> date | None:
    """The day of an ISO day or time; for a time with a zone, its day in `time_zone`.

    None for a text of another form, for a day that the calendar does not have, and before 1970.
    """
    with_zone = re.fullmatch(TIME_WITH_ZONE, text)
    if not (with_zone or re.fullmatch(DAY_OR_TIME, text)):
        return None
    try:
        day = date.fromisoformat(text[:10])
        if with_zone:
            # To the minute, because Python 3.10 does not read every form of the rest.
            minutes = re.sub("[Z:]", "", with_zone["offset"]) or "+00"
            offset = f"{minutes[:3]}:{minutes[3:] or '00'}"
            moment = datetime.fromisoformat(f"{text[:10]}T{text[11:16]}{offset}")
            day = moment.astimezone(zone(time_zone)).date()
    except (ValueError, OverflowError):
        return None
    return day if day >= FIRST_DAY else None


def moment(given: str | date) -> datetime:
    """A point in time in UTC, which a text without a zone means; BadInput for a value that is not a time."""
    try:
        time = datetime.fromisoformat(str(given))
        return time.astimezone(timezone.utc) if time.tzinfo else time.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        raise BadInput(f"{given!r} is not a time; write it as 2023-07-01 12:00") from None

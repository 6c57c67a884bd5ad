"""Days: the order in which the dates of a file are written, and the calendar day of the bank."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from zoneinfo import ZoneInfo

from lakehouse.errors import BadInput

UTC = "UTC"

# By the name that a user gives, what comes first in it.
DATE_ORDERS = {"dmy": "day first", "mdy": "month first", "ymd": "year first"}


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

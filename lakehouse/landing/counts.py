"""The result of landing a file: its accepted and quarantined rows, and how many rows had which fate."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lakehouse.days import DateOrder, today
from lakehouse.storage.extent import Extent
from lakehouse.table import Source


@dataclass(frozen=True)
class Counts:
    """Rows of one file and month; `rows_in` is the sum of the other three."""

    rows_in: int = 0
    accepted: int = 0
    quarantined: int = 0
    equal_duplicates: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.rows_in + other.rows_in,
            self.accepted + other.accepted,
            self.quarantined + other.quarantined,
            self.equal_duplicates + other.equal_duplicates,
        )


@dataclass(frozen=True)
class Reading:
    """How a file is to be read beyond what its source declares.

    A row after `today` is in the future. `date_order` is what the user says of dates with slashes, or what
    was found when the same bytes were read. `before` was found in a file that grew since then.
    """

    today: dt.date = field(default_factory=today)
    date_order: DateOrder | None = None
    before: DateOrder | None = None


@dataclass(frozen=True)
class Landed:
    """A raw file after landing: two Parquet files, and the counts of rows per month.

    The rows that were read `before` are not in it. `extent` is None if a longer file cannot be read on
    from the end of this one. `date_order` is that of dates with slashes, if their order matters. From
    `waits_until` on, a row that is in the future now no longer is.
    """

    source: Source
    file_name: str
    fingerprint: str  # SHA-256 of the raw file
    accepted: Path
    quarantined: Path
    counts: dict[str | None, Counts]  # None: rows without a readable month
    extra_columns: tuple[str, ...]
    before: Extent | None
    extent: Extent | None
    date_order: DateOrder | None = None
    waits_until: dt.date | None = None

    @property
    def months(self) -> set[str]:
        """The months of the whole file."""
        return months_met(self.before, self.counts)


def months_met(before: Extent | None, counts: Iterable[str | None]) -> set[str]:
    """The months that were read before, and those of the rows that were read now."""
    return {*(before.months if before else ()), *filter(None, counts)}

"""The result of landing a file: its accepted and quarantined rows, and how many rows had which fate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

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
class Landed:
    """A raw file after landing: two Parquet files, and the counts of rows per month.

    The rows that were read `before` are not in it. `extent` is None if a longer file cannot be read on
    from the end of this one.
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

    @property
    def months(self) -> set[str]:
        """The months of the whole file."""
        return months_met(self.before, self.counts)


def months_met(before: Extent | None, counts: Iterable[str | None]) -> set[str]:
    """The months that were read before, and those of the rows that were read now."""
    return {*(before.months if before else ()), *filter(None, counts)}

"""What landing gives: the rows of a file by fate, and where they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lakehouse.storage.extent import Extent
from lakehouse.table import Source


@dataclass(frozen=True)
class Counts:
    """Rows of one file and month; what came in is one of the other three."""

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
    """A raw file after landing: two Parquet files, and how many rows of each month went where.

    Without the rows that were read `before`; `extent` is None where a later file cannot be read on from
    the end of this one.
    """

    source: Source
    file_name: str
    fingerprint: str  # SHA-256 of the raw file
    accepted: Path
    quarantined: Path
    counts: dict[str | None, Counts]  # None: rows whose month cannot be told
    extra_columns: tuple[str, ...]
    before: Extent | None
    extent: Extent | None

    @property
    def months(self) -> set[str]:
        """Those of the whole file."""
        return months_met(self.before, self.counts)


def months_met(before: Extent | None, counts: Iterable[str | None]) -> set[str]:
    """Months read before, and those that rows behind them are of."""
    return {*(before.months if before else ()), *filter(None, counts)}

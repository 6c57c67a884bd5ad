"""The result of landing the files of a source: its rows by fate, and how many each file and month has."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lakehouse.days import DateOrder, today
from lakehouse.landing.file_names import day_in
from lakehouse.landing.raw_file import RawFile, Refused
from lakehouse.storage.extent import Extent
from lakehouse.table import Source


@dataclass(frozen=True)
class Counts:
    """Rows of one file and month; `rows_in` is the sum of the others."""

    rows_in: int = 0
    accepted: int = 0
    quarantined: int = 0
    equal_duplicates: int = 0
    superseded: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.rows_in + other.rows_in,
            self.accepted + other.accepted,
            self.quarantined + other.quarantined,
            self.equal_duplicates + other.equal_duplicates,
            self.superseded + other.superseded,
        )

    @property
    def settled(self) -> int:
        """The rows with a fate; others were lost."""
        return self.accepted + self.quarantined + self.equal_duplicates + self.superseded

    def placed(self, now: Counts) -> Counts:
        """The same rows, with the fates that their tables say they have now.

        Rows of an earlier version that stay are in the tables too. The tables have no copies of a row.
        """
        good = self.rows_in - self.quarantined
        superseded = min(now.superseded, good)
        accepted = min(now.accepted, good - superseded)
        equal = good - superseded - accepted
        return Counts(self.rows_in, accepted, self.quarantined, equal, superseded)


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
class Arrival:
    """A raw file that is to be read: a `path` that holds its bytes, and what is known about it.

    If it was read before up to `after`, and only rows of later months were added, only these are read.
    `arrived` is greater for a version that came in a later run, where files supersede by arrival.
    """

    file: RawFile
    path: Path
    reading: Reading = field(default_factory=Reading)
    after: Extent | None = None
    arrived: int = 0

    def order(self, source: Source) -> tuple[int, str, str]:
        """A key by which the files of a source sort, the latest last."""
        day = day_in(self.file.name) if source.supersedes == "date" else None
        return self.arrived if source.supersedes == "arrival" else 0, day or "", self.file.name


@dataclass(frozen=True)
class LandedFile:
    """A raw file after landing, and the fates of its rows within this file.

    The rows that were read `before` are not in it. `extent` is None if a longer file cannot be read on
    from the end of this one. `date_order` is that of dates with slashes, if their order matters. From
    `waits_until` on, a row that is in the future now no longer is. `other_spelling` is one line about a
    column whose numbers are not written as declared.
    """

    file: RawFile
    sha256: str
    counts: Mapping[str | None, Counts]  # None: rows without a readable month
    extra_columns: tuple[str, ...]
    before: Extent | None = None
    extent: Extent | None = None
    date_order: DateOrder | None = None
    waits_until: dt.date | None = None
    other_spelling: str | None = None

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def months(self) -> set[str]:
        """The months of the whole file."""
        return months_met(self.before, self.counts)


@dataclass(frozen=True)
class Landed:
    """All files of one source that a run reads, together.

    If several files have a row of one key, `accepted` has that of the latest file. The other good rows are
    in `others`, with the same columns. `deleted` has each deletion, also one for which a later file has a
    row: the key, the month, where it is, and a hash. No row of a `refused` file is anywhere.
    """

    source: Source
    files: tuple[LandedFile, ...]
    accepted: Path
    quarantined: Path
    others: Path | None = None
    deleted: Path | None = None
    refused: tuple[Refused, ...] = ()

    @property
    def counts(self) -> dict[str | None, Counts]:
        """The fates within each file, summed by month."""
        found: dict[str | None, Counts] = {}
        for month, counts in (each for file in self.files for each in file.counts.items()):
            found[month] = found.get(month, Counts()) + counts
        return found

    @property
    def months(self) -> set[str]:
        """The months of the whole files."""
        return set[str]().union(*(file.months for file in self.files))

    @property
    def extra_columns(self) -> tuple[str, ...]:
        """The columns of any file that are not declared, each once."""
        return tuple(dict.fromkeys(name for file in self.files for name in file.extra_columns))

    @property
    def file_name(self) -> str:
        """The name of the file, or how many there are."""
        names = sorted(file.name for file in self.files)
        return names[0] if len(names) == 1 else f"{len(names):,} files ({names[0]} to {names[-1]})"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the file; of several files, that of the lines with the name and SHA-256 of each."""
        if len(self.files) == 1:
            return self.files[0].sha256
        lines = sorted(f"{file.name}\t{file.sha256}\n" for file in self.files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def before(self) -> Extent | None:
        """The part of the only file that was read before."""
        return self.files[0].before if len(self.files) == 1 else None

    @property
    def extent(self) -> Extent | None:
        """The part of the only file from which it can be read on."""
        return self.files[0].extent if len(self.files) == 1 else None

    @property
    def date_order(self) -> DateOrder | None:
        """The order of the dates of the only file."""
        return self.files[0].date_order if len(self.files) == 1 else None

    @property
    def waits_until(self) -> dt.date | None:
        """The first day on which a row of any file is no longer in the future."""
        return min((each.waits_until for each in self.files if each.waits_until), default=None)


def months_met(before: Extent | None, counts: Iterable[str | None]) -> set[str]:
    """The months that were read before, and those of the rows that were read now."""
    return {*(before.months if before else ()), *filter(None, counts)}

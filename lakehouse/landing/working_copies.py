"""Working copies: the sound records of all raw files of a source, in one file per form of records.

So DuckDB reads any number of raw files as it reads one, and few files are open at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from lakehouse.landing.broken_records import BrokenRecords
from lakehouse.landing.chunks import NotGrown
from lakehouse.landing.counts import Arrival
from lakehouse.landing.header import checked_header
from lakehouse.landing.marks import Marks
from lakehouse.landing.raw_file import RawFile
from lakehouse.landing.raw_text import RawText, raw_text
from lakehouse.landing.splitting import Split, split
from lakehouse.storage.extent import Extent
from lakehouse.table import Source


@dataclass(frozen=True)
class Form:
    """The columns of records, the sign between their cells, and whether they delete their keys."""

    header: tuple[str, ...]
    delimiter: str
    deletes: bool


@dataclass
class WorkingCopy:
    """The sound records of one form."""

    form: Form
    path: Path
    spans_lines: bool = False
    longest_bytes: int = 0

    @cached_property
    def marks(self) -> Marks:
        return Marks.of(self.path, self.form.delimiter)


@dataclass(frozen=True)
class SplitFile:
    """A raw file whose records are in a working copy, from the end of the part that was read `before` on."""

    number: int
    arrival: Arrival
    split: Split
    before: Extent | None

    @property
    def name(self) -> str:
        return self.arrival.file.name


@dataclass
class WorkingCopies:
    """The working copies of the files of one source, in a folder."""

    source: Source
    work: Path
    broken: BrokenRecords
    _by_form: dict[Form, WorkingCopy] = field(default_factory=dict)
    _names: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)

    @property
    def every(self) -> list[WorkingCopy]:
        """The working copies that have a record; at least one, if a file was taken."""
        copies = [*self._by_form.values()]
        return [copy for copy in copies if copy.path.stat().st_size] or copies[:1]

    def take(self, number: int, arrival: Arrival) -> SplitFile:
        """Add the records of a file; BadInput, and none are added, if it cannot be split."""
        # If the date is not part of the key, a row of a later month may repeat one that was read before.
        if arrival.after and self.source.date in self.source.keys:
            with suppress(NotGrown):
                return self._take(number, arrival, arrival.after)
        return self._take(number, arrival, None)

    def _take(self, number: int, arrival: Arrival, after: Extent | None) -> SplitFile:
        name = arrival.file.name
        with _undone_by_errors(_Out(self, arrival)) as out:
            with raw_text(arrival.path, name, self.source) as raw:
                out.raw = raw
                found = split(raw, name, out, self.broken, number, after)
            out.copy.spans_lines |= found.spans_lines
            out.copy.longest_bytes = max(out.copy.longest_bytes, found.longest_bytes)
        return SplitFile(number, arrival, found, after)

    def names(self, file: RawFile, header: list[str]) -> tuple[str, ...]:
        """The names of the columns of a file; BadInput if its header is not one of the source."""
        # Most files have the same header, and to check one takes as long as to split a small file.
        known = (*header, str(file.deletes))
        if known not in self._names:
            self._names[known] = checked_header(self.source, file.name, header, file.deletes)
        return self._names[known]

    def of_form(self, form: Form) -> WorkingCopy:
        """The working copy of records of that form."""
        if form not in self._by_form:
            self._by_form[form] = WorkingCopy(form, self.work / f"sound-{len(self._by_form)}.csv")
        return self._by_form[form]


class _Out:
    """The end of a working copy, to which the records of one file go once its header is known."""

    copy: WorkingCopy
    raw: RawText

    def __init__(self, copies: WorkingCopies, arrival: Arrival) -> None:
        self._copies = copies
        self._arrival = arrival
        self._file: BinaryIO | None = None
        self._begin = 0

    def begin(self, header: list[str]) -> tuple[str, ...]:
        file = self._arrival.file
        names = self._copies.names(file, header)
        form = Form(names, self.raw.delimiter, file.deletes)
        self.copy = self._copies.of_form(form)
        self._file = self.copy.path.open("ab")
        self._begin = self._file.tell()
        return names

    def write(self, records: bytes, /) -> None:
        assert self._file is not None
        self._file.write(records)

    def close(self, undo: bool) -> None:
        """Close the copy, and with `undo` take out what was written."""
        if self._file:
            if undo:
                self._file.truncate(self._begin)
            self._file.close()


@contextmanager
def _undone_by_errors(out: _Out) -> Iterator[_Out]:
    try:
        yield out
    except BaseException:
        out.close(undo=True)
        raise
    out.close(undo=False)

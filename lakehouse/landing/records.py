"""Splits a raw CSV, as bytes, into sound and broken records, with the row and line each begins on.

Sound records go to a working copy that every strict reader reads in the same way: row number and line
number first, line feeds, no blank lines. Broken records are kept with their text and the reason.
DuckDB's reject table is not used: it cuts raw text at 10,000 characters, and after one stray quote it
takes all rows up to the next quote as one. Here a stray quote costs only its own line.
Numpy checks all lines at once. Only records that span lines or have odd quotes are read one by one, by
the grammar in grammar.RECORD. A blank line is not a row.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from lakehouse.errors import BadInput
from lakehouse.landing import broken_records
from lakehouse.landing.broken_records import BrokenRecords
from lakehouse.landing.chunks import NotGrown, checked_chunks, passed_by
from lakehouse.landing.grammar import CELL, OPEN_QUOTE, RECORD, canonical, cells_as_text, why_broken
from lakehouse.landing.lines import Flags, Lines, Positions, numbered
from lakehouse.storage.extent import Extent
from lakehouse.storage.files import steady

MAX_HEADER_BYTES = 1024**2
MAX_BROKEN = 1_000_000  # records: each is looked at by itself


@dataclass(frozen=True)
class Split:
    """The header and the counts of a raw file that was split."""

    header: tuple[str, ...]
    fingerprint: str
    size: int  # bytes of the file
    rows: int  # rows of the file, with the header
    lines: int
    ends_a_line: bool
    rows_in: int
    broken: int
    bytes_in: int
    longest_bytes: int
    spans_lines: bool  # at least one sound record spans several lines
    holds_separators: bool  # it has characters with which the row hash separates cells


def split(
    path: Path,
    sound: Path,
    broken: Path,
    check_header: Callable[[list[str]], tuple[str, ...]],
    after: Extent | None = None,
) -> Split:
    """Write the sound records of a raw CSV to one file and the broken ones to a Parquet file.

    BadInput for a file that is not a CSV in UTF-8, has no data row, or changes meanwhile. With `after`
    only the records after that part are split; NotGrown if the file does not begin with that part.
    """
    digest = hashlib.sha256()
    with steady(path) as raw, sound.open("wb") as out, BrokenRecords(broken) as refused:
        splitter = Splitter(path.name, out, refused, check_header)
        if after:
            splitter.go_on(passed_by(raw, after, digest), after)
        rest, ends_a_line = b"", False
        for chunk, last in checked_chunks(raw, path.name, digest, after):
            block = rest + chunk
            ends_a_line = block.endswith(b"\n")
            if last and block and not ends_a_line:
                block += b"\n"
            rest = block[splitter.take(block, last) :]
            if b"\n" not in rest:  # bytes above the limit are refused anyway, so they are not kept
                rest = rest[: broken_records.MAX_RECORD_BYTES + 1]
        size = raw.tell()
    if splitter.rows_in == 0:
        if after:
            raise NotGrown
        raise BadInput(f"{path.name} holds no data row; deliver the file again.")
    return Split(
        header=splitter.header,
        fingerprint=digest.hexdigest(),
        size=size,
        rows=splitter.rows,
        lines=splitter.lines,
        ends_a_line=ends_a_line,
        rows_in=splitter.rows_in,
        broken=refused.count,
        bytes_in=splitter.bytes_in,
        longest_bytes=splitter.longest_bytes,
        spans_lines=splitter.spans_lines,
        holds_separators=splitter.holds_separators,
    )


@dataclass
class Splitter:
    """Splits blocks of complete lines, and counts rows and lines across the blocks."""

    name: str
    out: BinaryIO
    refused: BrokenRecords
    check_header: Callable[[list[str]], tuple[str, ...]]
    header: tuple[str, ...] = ()
    rows: int = 0  # read so far, with the header
    rows_before: int = 1
    lines: int = 0
    bytes_in: int = 0
    longest_bytes: int = 0
    spans_lines: bool = False
    holds_separators: bool = False

    @property
    def rows_in(self) -> int:
        return max(self.rows - self.rows_before, 0)

    def go_on(self, first: bytes, after: Extent) -> None:
        """Read the header from the first bytes of the file, and count on from the part read before."""
        text = first.removeprefix(codecs.BOM_UTF8)
        # The header may come after very many blank lines.
        if RECORD.match(text.lstrip(b"\r\n")) is None:
            raise NotGrown
        self._take_header(text, len(text), last=True)
        self.rows = self.rows_before = after.rows
        self.lines = after.lines

    def take(self, block: bytes, last: bool) -> int:
        """Split the complete lines of a block; return how many of its bytes are done."""
        end = block.rfind(b"\n") + 1
        begin = 0 if self.header else self._take_header(block, end, last)
        if begin == end or not self.header:
            return begin
        lines = Lines.of(block, begin, end)
        done = self._look_closer(block, lines, end, last)
        self._write(block, lines)
        self.holds_separators |= b"\x1e" in block or b"\x1f" in block
        return done

    def _take_header(self, block: bytes, end: int, last: bool) -> int:
        begin = len(block) - len(block.lstrip(b"\r\n"))
        self.lines += block.count(b"\n", 0, begin)
        limit = begin + MAX_HEADER_BYTES
        record = RECORD.match(block, begin, min(end, limit))
        if record is None and not last and len(block) <= limit:
            return begin
        if record is None and b"\n" not in block[begin:limit]:
            raise BadInput(
                f"{self.name} has no readable header: its first line is longer than {MAX_HEADER_BYTES:,}"
                " bytes; it must be the column names, and rows must end in line feeds."
            )
        if record is None:
            raise BadInput(
                f"{self.name} has no readable header: {why_broken(block[begin:end])}; its first"
                f" line must be the column names, and rows must end in line feeds."
            )
        self.header = self.check_header(cells_as_text(record[0]))
        self.rows = 1
        self.lines += block.count(b"\n", begin, record.end())
        return record.end()

    def _look_closer(self, block: bytes, lines: Lines, end: int, last: bool) -> int:
        """Read the lines with odd quotes or carriage returns one by one, with the grammar."""
        done = end
        for i in map(int, np.flatnonzero(lines.odd)):
            if lines.inside[i]:
                continue
            start = int(lines.starts[i])
            record = RECORD.match(block, start, end)
            if record is None:
                may_go_on = len(block) - start <= broken_records.MAX_RECORD_BYTES and not last
                if may_go_on and OPEN_QUOTE.match(block, start, end):
                    lines.cut(i)
                    done = start
                    break
                lines.why[i] = why_broken(block[start : int(lines.ends[i])])
                continue
            after = int(np.searchsorted(lines.starts, record.end()))
            lines.inside[i + 1 : after] = True
            lines.ends[i] = record.end() - (2 if record[0].endswith(b"\r\n") else 1)
            lines.cells[i] = sum(1 for _ in CELL.finditer(block, start, record.end()))
        return done

    def _write(self, block: bytes, lines: Lines) -> None:
        """Number the records, and write each to the sound or to the broken ones."""
        lengths = lines.ends - lines.starts
        is_row = ~lines.inside & (lengths > 0)
        rows = self.rows + np.cumsum(is_row)
        numbers = self.lines + 1 + np.arange(len(lines.starts))
        for i, why in self._refusals(lines, is_row, lengths):
            text = block[int(lines.starts[i]) : int(lines.ends[i])]
            self.refused.add(int(rows[i]), int(numbers[i]), text, why)
            is_row[i] = False
            if self.refused.count > MAX_BROKEN:
                raise BadInput(
                    f"{self.name} has more than {MAX_BROKEN:,} rows that are not of its form (here line"
                    f" {numbers[i]:,}: {why}); is a quote left open? Deliver the file again."
                )
        for i in np.flatnonzero(is_row & lines.odd).tolist():
            record = canonical(block, int(lines.starts[i]), int(lines.ends[i]))
            self.out.write(b"%010d,%010d,%b\n" % (rows[i], numbers[i], record))
            self.spans_lines |= b"\n" in record or b"\r" in record
        plain = is_row & ~lines.odd
        self.out.write(numbered(block, lines, plain, rows, numbers))
        self.longest_bytes = max(self.longest_bytes, int(np.max(lengths, where=is_row, initial=0)))
        self.bytes_in += int(lengths[is_row].sum())
        self.rows, self.lines = int(rows[-1]) if len(rows) else self.rows, self.lines + len(rows)

    def _refusals(
        self, lines: Lines, is_row: Flags, lengths: Positions
    ) -> Iterator[tuple[int, str]]:
        """The broken records in order, one at a time, because a block may hold millions."""
        width = len(self.header)
        broken = (lines.cells != width) | (lengths > broken_records.MAX_RECORD_BYTES)
        broken[list(lines.why)] = True
        for i in map(int, np.flatnonzero(broken & is_row)):
            if lengths[i] > broken_records.MAX_RECORD_BYTES:
                yield i, f"too long: more than {broken_records.MAX_RECORD_BYTES:,} bytes"
            elif i in lines.why:
                yield i, lines.why[i]
            else:
                few_or_many = "few" if lines.cells[i] < width else "many"
                yield (
                    i,
                    f"too {few_or_many} columns: {lines.cells[i]} where the header has {width}",
                )

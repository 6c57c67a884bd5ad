"""Splits raw CSV, as blocks of bytes, into sound and broken records, with the row and line each begins on.

Sound records go to a working copy that every strict reader reads in the same way: numbers of the file, row
and line first, line feeds, no blank lines. Broken records are kept with their text and the reason.
DuckDB's reject table is not used: it cuts raw text at 10,000 characters, and after one stray quote it
takes all rows up to the next quote as one. Here a stray quote costs only its own line.
Numpy checks all lines at once. Only records that span lines or have odd quotes are read one by one, by
the grammar. A blank line is not a row.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lakehouse.errors import BadInput
from lakehouse.landing import broken_records
from lakehouse.landing.broken_records import BrokenRecords
from lakehouse.landing.chunks import NotGrown
from lakehouse.landing.grammar import Grammar
from lakehouse.landing.lines import Flags, Lines, Positions, numbered
from lakehouse.storage.extent import Extent

MAX_HEADER_BYTES = 1024**2
MAX_BROKEN = 1_000_000  # records: each is looked at by itself


class Out(Protocol):
    """The place of the sound records of a file."""

    def begin(self, header: list[str]) -> tuple[str, ...]:
        """The names of the columns; BadInput if these are not the columns of its source."""

    def write(self, records: bytes, /) -> object: ...


@dataclass
class Splitter:
    """Splits blocks of complete lines, and counts rows and lines across the blocks."""

    name: str
    out: Out
    refused: BrokenRecords
    grammar: Grammar
    file: int = 0  # its number among the files that are read together
    header: tuple[str, ...] = ()
    rows: int = 0  # read so far, with the header
    rows_before: int = 1
    lines: int = 0
    broken: int = 0
    bytes_in: int = 0
    longest_bytes: int = 0
    spans_lines: bool = False
    holds_separators: bool = False

    @property
    def rows_in(self) -> int:
        return max(self.rows - self.rows_before, 0)

    @property
    def _prefix(self) -> bytes:
        """The number of the file as it stands before that of a row: no digit for the first file."""
        return b"%d" % self.file if self.file else b""

    def go_on(self, first: bytes, after: Extent) -> None:
        """Read the header from the first bytes of the file, and count on from the part read before."""
        text = first.removeprefix(codecs.BOM_UTF8)
        # The header may come after very many blank lines.
        if self.grammar.record.match(text.lstrip(b"\r\n")) is None:
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
        lines = Lines.of(block, begin, end, self.grammar.delimiter)
        done = self._look_closer(block, lines, end, last)
        self._write(block, lines)
        self.holds_separators |= b"\x1e" in block or b"\x1f" in block
        return done

    def _take_header(self, block: bytes, end: int, last: bool) -> int:
        begin = len(block) - len(block.lstrip(b"\r\n"))
        self.lines += block.count(b"\n", 0, begin)
        limit = begin + MAX_HEADER_BYTES
        record = self.grammar.record.match(block, begin, min(end, limit))
        if record is None and not last and len(block) <= limit:
            return begin
        if record is None and b"\n" not in block[begin:limit]:
            raise BadInput(
                f"{self.name} has no readable header: its first line is longer than {MAX_HEADER_BYTES:,}"
                " bytes; it must be the column names, and rows must end in line feeds."
            )
        if record is None:
            raise BadInput(
                f"{self.name} has no readable header: {self.grammar.why_broken(block[begin:end])}; its first"
                f" line must be the column names, and rows must end in line feeds."
            )
        self.header = self.out.begin(self.grammar.cells_as_text(record[0]))
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
            record = self.grammar.record.match(block, start, end)
            if record is None:
                may_go_on = len(block) - start <= broken_records.MAX_RECORD_BYTES and not last
                if may_go_on and self.grammar.open_quote.match(block, start, end):
                    lines.cut(i)
                    done = start
                    break
                lines.why[i] = self.grammar.why_broken(block[start : int(lines.ends[i])])
                continue
            after = int(np.searchsorted(lines.starts, record.end()))
            lines.inside[i + 1 : after] = True
            lines.ends[i] = record.end() - (2 if record[0].endswith(b"\r\n") else 1)
            lines.cells[i] = sum(1 for _ in self.grammar.cell.finditer(block, start, record.end()))
        return done

    def _write(self, block: bytes, lines: Lines) -> None:
        """Number the records, and write each to the sound or to the broken ones."""
        lengths = lines.ends - lines.starts
        is_row = ~lines.inside & (lengths > 0)
        rows = self.rows + np.cumsum(is_row)
        numbers = self.lines + 1 + np.arange(len(lines.starts))
        for i, why in self._refusals(lines, is_row, lengths):
            text = block[int(lines.starts[i]) : int(lines.ends[i])]
            self.refused.add(self.file, int(rows[i]), int(numbers[i]), text, why)
            is_row[i] = False
            self.broken += 1
            if self.broken > MAX_BROKEN:
                raise BadInput(
                    f"{self.name} has more than {MAX_BROKEN:,} rows that are not of its form (here line"
                    f" {numbers[i]:,}: {why}); is a quote left open? Deliver the file again."
                )
        for i in np.flatnonzero(is_row & lines.odd).tolist():
            record = self.grammar.canonical(block, int(lines.starts[i]), int(lines.ends[i]))
            prefix = b"%b%010d" % (self._prefix, rows[i]), b"%010d" % numbers[i]
            self.out.write(self.grammar.delimiter.join((*prefix, record)) + b"\n")
            self.spans_lines |= b"\n" in record or b"\r" in record
        plain = is_row & ~lines.odd
        mark = self.grammar.delimiter
        self.out.write(numbered(block, lines, plain, rows, numbers, mark, self._prefix))
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

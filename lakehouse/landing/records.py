"""One record: a row of a raw CSV as bytes, with the row and the line it begins on.

A raw file is split into sound records, written to a working copy that any strict reader reads alike
(row number and line number first, line feeds, no blank lines), and broken ones, kept with their
text and the reason. DuckDB's own reject table is not used: it cuts raw text at 10,000 characters,
and one stray quote makes it swallow all rows up to the next quote. Here a row with a stray quote
costs that line alone. Numpy looks at all lines at once; only records that span lines or hold odd
quotes are looked at one by one, by the grammar in RECORD. Blank lines are no rows.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.errors import BadInput
from lakehouse.landing.lines import Flags, Lines, Positions, numbered
from lakehouse.storage.extent import Extent
from lakehouse.storage.files import steady

MAX_HEADER_BYTES = 1024**2
MAX_RECORD_BYTES = 16 * 1024**2
MAX_BROKEN = 1_000_000  # records: each is looked at by itself
SHOWN_BYTES = 1024**2  # of the text of a record that is longer than that
CHUNK_BYTES = 4 * 1024**2

_CELL = rb'(?:"[^"]*(?:""[^"]*)*"|[^",\r\n][^,\r\n]*|)'
CELL = re.compile(rb"(%b)(?:,|\r?\n)" % _CELL)
RECORD = re.compile(rb"%b(?:,%b)*\r?\n" % (_CELL, _CELL))
OPEN_QUOTE = re.compile(rb'(?:%b,)*"[^"]*(?:""[^"]*)*\Z' % _CELL)

MAGIC = {
    b"\x1f\x8b": "is compressed (gzip); unpack it first",
    b"PK\x03\x04": "is a zip or Excel file; unpack it, or save the sheet as CSV UTF-8",
    b"BZh": "is compressed (bzip2); unpack it first",
    b"\x28\xb5\x2f\xfd": "is compressed (zstd); unpack it first",
    b"\xfd7zXZ": "is compressed (xz); unpack it first",
    b"PAR1": "is a Parquet file; deliver the CSV",
    b"\xff\xfe": "is UTF-16, not UTF-8; save it as UTF-8",
    b"\xfe\xff": "is UTF-16, not UTF-8; save it as UTF-8",
}
LONGEST_MAGIC = max(map(len, MAGIC))


@dataclass(frozen=True)
class Split:
    """What was met in a raw file while it was split."""

    header: tuple[str, ...]
    fingerprint: str
    size: int  # of the file in bytes
    rows: int  # of the file, the header among them
    lines: int
    ends_a_line: bool
    rows_in: int
    broken: int
    bytes_in: int
    longest_bytes: int
    spans_lines: bool  # some sound record does
    holds_separators: bool  # the characters that the row hash separates cells by


class NotGrown(Exception):
    """A file is not one that was read before with rows behind its end."""


def split(
    path: Path,
    sound: Path,
    broken: Path,
    check_header: Callable[[list[str]], tuple[str, ...]],
    after: Extent | None = None,
) -> Split:
    """Write the sound records of a raw CSV to one file and the broken ones to a Parquet file.

    Raises BadInput for a file that is no CSV of UTF-8 text, has no data rows, or changes meanwhile. With
    `after`, records behind that alone; NotGrown for a file that does not begin with what was read.
    """
    digest = hashlib.sha256()
    with steady(path) as raw, sound.open("wb") as out, _BrokenRecords(broken) as refused:
        splitter = _Splitter(path.name, out, refused, check_header)
        if after:
            splitter.go_on(_passed_by(raw, after, digest), after)
        rest, ends_a_line = b"", False
        for chunk, last in _checked_chunks(raw, path.name, digest, after):
            block = rest + chunk
            ends_a_line = block.endswith(b"\n")
            if last and block and not ends_a_line:
                block += b"\n"
            rest = block[splitter.take(block, last) :]
            if b"\n" not in rest:  # what is over the limit is refused anyway: do not hold it
                rest = rest[: MAX_RECORD_BYTES + 1]
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


def _passed_by(raw: BinaryIO, after: Extent, digest: Any) -> bytes:
    """Read what was read before, and give its first bytes; NotGrown where it is something else."""
    first, left = b"", after.bytes
    while left and (chunk := raw.read(min(CHUNK_BYTES, left))):
        digest.update(chunk)
        first, left = first or chunk, left - len(chunk)
    if left or digest.hexdigest() != after.sha256:
        raise NotGrown
    return first


def _checked_chunks(
    raw: BinaryIO, name: str, digest: Any, after: Extent | None
) -> Iterator[tuple[bytes, bool]]:
    """The file in chunks, the last one marked; BadInput where it is not UTF-8 text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines, offset = (after.lines, after.bytes) if after else (0, 0)
    chunk = raw.read(max(CHUNK_BYTES, LONGEST_MAGIC))
    if offset == 0:
        _check_is_text(chunk, name)
    while True:
        following = raw.read(CHUNK_BYTES)
        digest.update(chunk)
        if b"\0" in chunk:
            at = chunk.index(b"\0")
            line = lines + chunk.count(b"\n", 0, at) + 1
            raise BadInput(
                f"{name} is not text: NUL byte on line {line} (byte {offset + at + 1} of the"
                f" file); deliver it as CSV in UTF-8."
            )
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(chunk, final=not following)
        except UnicodeDecodeError as error:
            line = lines + error.object.count(b"\n", 0, error.start) + 1
            raise BadInput(
                f"{name} is not UTF-8: byte 0x{error.object[error.start]:02X} on line {line}"
                f" (byte {offset - pending + error.start + 1} of the file); save it as UTF-8."
            ) from None
        lines += chunk.count(b"\n")
        text = chunk[3:] if offset == 0 and chunk.startswith(codecs.BOM_UTF8) else chunk
        offset += len(chunk)
        yield text, not following
        if not following:
            return
        chunk = following


def _check_is_text(first: bytes, name: str) -> None:
    if not first:
        raise BadInput(f"{name} is empty (0 bytes); deliver the file again.")
    for magic, what in MAGIC.items():
        if first.startswith(magic):
            raise BadInput(f"{name} {what}.")


@dataclass
class _Splitter:
    """Splits blocks of whole lines, and counts rows and lines from one block to the next."""

    name: str
    out: BinaryIO
    refused: _BrokenRecords
    check_header: Callable[[list[str]], tuple[str, ...]]
    header: tuple[str, ...] = ()
    rows: int = 0  # met so far, the header among them
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
        """Take the header out of the first bytes of the file, and count on from what was read."""
        text = first.removeprefix(codecs.BOM_UTF8)
        if RECORD.match(text.lstrip(b"\r\n")) is None:  # behind very many blank lines
            raise NotGrown
        self._take_header(text, len(text), last=True)
        self.rows = self.rows_before = after.rows
        self.lines = after.lines

    def take(self, block: bytes, last: bool) -> int:
        """Split the whole lines of a block; how many of its bytes are done with."""
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
        found = RECORD.match(block, begin, min(end, limit))
        if found is None and not last and len(block) <= limit:
            return begin
        if found is None and b"\n" not in block[begin:limit]:
            raise BadInput(
                f"{self.name} has no readable header: its first line is longer than {MAX_HEADER_BYTES:,}"
                " bytes; it must be the column names, its rows must end in line feeds."
            )
        if found is None:
            raise BadInput(
                f"{self.name} has no readable header: {_why_broken(block[begin:end])}; its first"
                f" line must be the column names, its rows must end in line feeds."
            )
        self.header = self.check_header(_cells_as_text(found[0]))
        self.rows = 1
        self.lines += block.count(b"\n", begin, found.end())
        return found.end()

    def _look_closer(self, block: bytes, lines: Lines, end: int, last: bool) -> int:
        """Read the lines with odd quotes or carriage returns one by one, by the grammar."""
        done = end
        for i in map(int, np.flatnonzero(lines.odd)):
            if lines.inside[i]:
                continue
            start = int(lines.starts[i])
            found = RECORD.match(block, start, end)
            if found is None:
                unread = len(block) - start <= MAX_RECORD_BYTES and not last
                if unread and OPEN_QUOTE.match(block, start, end):
                    lines.cut(i)
                    done = start
                    break
                lines.why[i] = _why_broken(block[start : int(lines.ends[i])])
                continue
            after = int(np.searchsorted(lines.starts, found.end()))
            lines.inside[i + 1 : after] = True
            lines.ends[i] = found.end() - (2 if found[0].endswith(b"\r\n") else 1)
            lines.cells[i] = sum(1 for _ in CELL.finditer(block, start, found.end()))
        return done

    def _write(self, block: bytes, lines: Lines) -> None:
        """Number the records of the lines, and write each to where it belongs."""
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
            record = _canonical(block, int(lines.starts[i]), int(lines.ends[i]))
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
        """The broken records in their order, one by one: a block may hold millions."""
        width = len(self.header)
        broken = (lines.cells != width) | (lengths > MAX_RECORD_BYTES)
        broken[list(lines.why)] = True
        for i in map(int, np.flatnonzero(broken & is_row)):
            if lengths[i] > MAX_RECORD_BYTES:
                yield i, f"too long: more than {MAX_RECORD_BYTES:,} bytes"
            elif i in lines.why:
                yield i, lines.why[i]
            else:
                few_or_many = "few" if lines.cells[i] < width else "many"
                yield (
                    i,
                    f"too {few_or_many} columns: {lines.cells[i]} where the header has {width}",
                )


def _canonical(block: bytes, start: int, end: int) -> bytes:
    """A record with each quote inside a bare cell written so that every reader reads it alike."""
    record = block[start:end] + b"\n"
    return b",".join(
        b'"%b"' % cell.replace(b'"', b'""') if b'"' in cell and cell[:1] != b'"' else cell
        for cell in CELL.findall(record)
    )


def _cells_as_text(record: bytes) -> list[str]:
    return [
        cell[1:-1].replace(b'""', b'"').decode() if cell[:1] == b'"' else cell.decode()
        for cell in CELL.findall(record)
    ]


def _why_broken(line: bytes) -> str:
    if b'"' not in line:
        return "a carriage return inside the row"
    if OPEN_QUOTE.match(line):
        return "a quote that is not closed"
    return "text after a closing quote"


class _BrokenRecords:
    """A Parquet file of broken records: row, line, text and reason."""

    BATCH_BYTES = 4 * 1024**2

    def __init__(self, path: Path) -> None:
        self.count = 0
        self._schema = pa.schema(
            [
                ("_source_row", pa.int64()),
                ("_source_line", pa.int64()),
                ("raw_text", pa.string()),
                ("reasons", pa.list_(pa.string())),
            ]
        )
        self._writer = pq.ParquetWriter(path, self._schema)
        self._rows: list[tuple[int, int, str, list[str]]] = []
        self._bytes = 0

    def add(self, row: int, line: int, text: bytes, why: str) -> None:
        shown = text[:SHOWN_BYTES].decode(errors="ignore")
        if len(text) > MAX_RECORD_BYTES:
            shown += f" ... (shortened here to its first {SHOWN_BYTES:,} bytes)"
        else:
            shown = text.decode()
        self._rows.append((row, line, shown, [why]))
        self._bytes += len(shown)
        self.count += 1
        if self._bytes > self.BATCH_BYTES or len(self._rows) >= 50_000:
            self._flush()

    def _flush(self) -> None:
        columns = zip(*self._rows, strict=True) if self._rows else [[]] * len(self._schema)
        self._writer.write_table(pa.table(list(map(list, columns)), schema=self._schema))
        self._rows, self._bytes = [], 0

    def __enter__(self) -> _BrokenRecords:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

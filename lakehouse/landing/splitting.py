"""A raw file, from its first byte to its last, split into sound and broken records."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.errors import BadInput
from lakehouse.landing import broken_records
from lakehouse.landing.broken_records import BrokenRecords
from lakehouse.landing.chunks import NotGrown, checked_chunks, passed_by
from lakehouse.landing.grammar import grammar
from lakehouse.landing.raw_text import RawText
from lakehouse.landing.records import Out, Splitter
from lakehouse.storage.extent import Extent


@dataclass(frozen=True)
class Split:
    """The header and the counts of a raw file that was split."""

    header: tuple[str, ...]
    fingerprint: str
    size: int  # bytes of its text
    rows: int  # rows of the file, with the header
    lines: int
    ends_a_line: bool
    grows: bool  # a longer file may be read on from its end
    rows_in: int
    broken: int
    bytes_in: int
    longest_bytes: int
    spans_lines: bool  # at least one sound record spans several lines
    holds_separators: bool  # it has characters with which the row hash separates cells


def split(
    raw: RawText,
    name: str,
    out: Out,
    refused: BrokenRecords,
    file: int = 0,
    after: Extent | None = None,
) -> Split:
    """Write the sound records of a raw file to `out`, and the broken ones to `refused`.

    BadInput for a file that is not a CSV in UTF-8, or has no data row. With `after` only the records after
    that part are split; NotGrown if the file does not begin with that part.
    """
    splitter = Splitter(name, out, refused, grammar(raw.delimiter), file)
    if after:
        splitter.go_on(passed_by(raw, after), after)
    rest, ends_a_line = b"", False
    for chunk, last in checked_chunks(raw, name, after):
        block = rest + chunk
        ends_a_line = block.endswith(b"\n")
        if last and block and not ends_a_line:
            block += b"\n"
        rest = block[splitter.take(block, last) :]
        if b"\n" not in rest:  # bytes above the limit are refused anyway, so they are not kept
            rest = rest[: broken_records.MAX_RECORD_BYTES + 1]
    if splitter.rows_in == 0:
        if after:
            raise NotGrown
        raise BadInput(f"{name} holds no data row; deliver the file again.")
    return Split(
        header=splitter.header,
        fingerprint=raw.sha256,
        size=raw.size,
        rows=splitter.rows,
        lines=splitter.lines,
        ends_a_line=ends_a_line,
        grows=raw.grows,
        rows_in=splitter.rows_in,
        broken=splitter.broken,
        bytes_in=splitter.bytes_in,
        longest_bytes=splitter.longest_bytes,
        spans_lines=splitter.spans_lines,
        holds_separators=splitter.holds_separators,
    )

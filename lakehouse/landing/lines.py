"""The physical lines of a block of raw CSV, as numpy arrays with one element per line."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]
Flags = NDArray[np.bool_]

LINE_FEED, RETURN, QUOTE = b'\n\r"'
PREFIX_DIGITS = 10


@dataclass
class Lines:
    """The physical lines of a block; a record that spans several lines is kept at its first line."""

    starts: Positions
    ends: Positions  # without the line break
    cells: Positions
    odd: Flags  # the quotes are not simple, so the grammar must read the line
    inside: Flags  # the line continues the record of an earlier line
    why: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, block: bytes, begin: int, end: int, delimiter: bytes) -> Lines:
        """The lines from begin to end, read as if no quote were open at the start of each."""
        text = np.frombuffer(block, np.uint8, end)
        breaks = np.flatnonzero(text[begin:] == LINE_FEED) + begin
        starts = np.concatenate(([begin], breaks[:-1] + 1))
        ends = breaks - ((breaks > starts) & (text[breaks - 1] == RETURN))
        odd = np.zeros(len(starts), bool)
        if b"\r" in block:
            returns = np.flatnonzero(text[begin : end - 1] == RETURN) + begin
            odd[_line_of(starts, returns[text[returns + 1] != LINE_FEED])] = True
        marks = np.flatnonzero(text == delimiter[0])
        marks = marks[np.searchsorted(marks, begin) :]
        if b'"' in block:
            quotes = np.flatnonzero(text == QUOTE)
            quotes = quotes[np.searchsorted(quotes, begin) :]
            odd |= _oddly_quoted(text, quotes, starts, ends, delimiter[0])
            marks = marks[~_is_quoted(marks, quotes, starts)]
        bounds = np.searchsorted(marks, np.append(starts, end))
        return cls(starts, ends, np.diff(bounds) + 1, odd, np.zeros(len(starts), bool))

    def cut(self, i: int) -> None:
        """Drop the lines from i on."""
        self.starts, self.ends, self.cells = self.starts[:i], self.ends[:i], self.cells[:i]
        self.odd, self.inside = self.odd[:i], self.inside[:i]


def _line_of(starts: Positions, positions: Positions) -> Positions:
    return np.searchsorted(starts, positions, "right") - 1


def _oddly_quoted(
    text: NDArray[np.uint8],
    quotes: Positions,
    starts: Positions,
    ends: Positions,
    delimiter: int,
) -> Flags:
    """The lines in which a quote does not open at the start of a cell or close at the end of one."""
    line = _line_of(starts, quotes)
    firsts = np.searchsorted(quotes, starts)
    closes = ((np.arange(len(quotes)) - firsts[line]) & 1).astype(bool)
    before, after = text[quotes - 1], text[quotes + 1]
    opened_well = (quotes == starts[line]) | (before == delimiter) | (before == QUOTE)
    closed_well = (quotes + 1 == ends[line]) | (after == delimiter) | (after == QUOTE)
    odd = (np.diff(np.append(firsts, len(quotes))) & 1).astype(bool)
    odd[line[~np.where(closes, closed_well, opened_well)]] = True
    return odd


def _is_quoted(marks: Positions, quotes: Positions, starts: Positions) -> Flags:
    """The delimiters that are inside quotes: those after an odd number of quotes on their line."""
    per_line = np.diff(np.append(np.searchsorted(marks, starts), len(marks)))
    quotes_before_line = np.repeat(np.searchsorted(quotes, starts), per_line)
    return ((np.searchsorted(quotes, marks) - quotes_before_line) & 1).astype(bool)


def numbered(
    block: bytes,
    lines: Lines,
    chosen: Flags,
    rows: Positions,
    numbers: Positions,
    delimiter: bytes,
    file: bytes,
) -> bytes:
    """The chosen lines, each after its file and row as one number and its line number, of fixed width."""
    starts, ends = lines.starts[chosen], lines.ends[chosen]
    digits = 10 ** np.arange(PREFIX_DIGITS - 1, -1, -1)
    first = len(file) + PREFIX_DIGITS
    prefix = np.full((len(starts), first + PREFIX_DIGITS + 2), delimiter[0], np.uint8)
    prefix[:, : len(file)] = np.frombuffer(file, np.uint8)
    prefix[:, len(file) : first] = rows[chosen, None] // digits % 10 + ord("0")
    prefix[:, first + 1 : -1] = numbers[chosen, None] // digits % 10 + ord("0")
    edges = np.zeros(len(block), np.int8)
    edges[starts], edges[ends] = 1, -1
    chosen_bytes = np.frombuffer(block, np.uint8)[np.cumsum(edges, dtype=np.int8).astype(bool)]
    lengths = prefix.shape[1] + ends - starts + 1
    tails = np.cumsum(lengths)
    out = np.full(int(lengths.sum()), LINE_FEED, np.uint8)
    is_prefix = ((tails - lengths)[:, None] + np.arange(prefix.shape[1])).ravel()
    is_text = np.ones(len(out), bool)
    is_text[is_prefix] = is_text[tails - 1] = False
    out[is_prefix] = prefix.ravel()
    out[is_text] = chosen_bytes
    return out.tobytes()

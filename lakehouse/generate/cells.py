"""Columns of cells as bytes: numbers and dates as text, columns side by side, rows in chunks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Text = npt.NDArray[np.bytes_]  # NUL inside or after a text is padding, which a file leaves out
Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
FIRST_YEAR = 2023
LOWEST_INTEGER = -500
INTEGERS = np.array([str(i).encode() for i in range(LOWEST_INTEGER, 10_000)])
CHUNK = 50_000  # rows in memory at a time; part of the seeding, so another value gives other bytes


def joined(*pieces: Text | bytes) -> Text:
    """Text columns and constants side by side as one text column; padding stays within."""
    rows = next(len(piece) for piece in pieces if isinstance(piece, np.ndarray))
    texts = [p if isinstance(p, np.ndarray) else np.full(rows, p) for p in pieces]
    block = np.concatenate([text.view(np.uint8).reshape(rows, -1) for text in texts], axis=1)
    return block.view(f"S{block.shape[1]}").ravel()


def entries(table: Text, positions: Reals | Ints) -> Text:
    """The texts of a table at these positions."""
    return table[positions.astype(np.int64)]


def integers(values: Reals | Ints) -> Text:
    """Whole numbers from LOWEST_INTEGER to below 10,000 as text."""
    return entries(INTEGERS, values - LOWEST_INTEGER)


def decimals(values: Reals) -> Text:
    """Numbers as the shortest text that reads back as the same number."""
    return np.array(list(map(repr, values.tolist())), dtype=np.bytes_)


def month_starts(months: int, pattern: str) -> Text:
    """The first months of the bank, each written with the pattern of year and month."""
    dates = ((FIRST_YEAR + m // 12, m % 12 + 1) for m in range(months))
    return np.array([pattern.format(year, month).encode() for year, month in dates])


def chunks(rows: int) -> Iterator[tuple[int, slice]]:
    """Numbered slices of at most CHUNK rows, for this number of rows."""
    for number, start in enumerate(range(0, rows, CHUNK)):
        yield number, slice(start, min(start + CHUNK, rows))

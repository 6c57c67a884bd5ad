"""The part of a raw file that was read with only good rows; if the file grows, it is read on from there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Extent:
    """A raw file as it was read: SHA-256, size, rows and lines (with the header), and its months."""

    sha256: str
    bytes: int
    rows: int
    lines: int
    months: tuple[str, ...]

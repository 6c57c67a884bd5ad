"""How far a raw file was read when all of its rows were good: one that only grew is read on from there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Extent:
    """A raw file as it was: its SHA-256 and size, the rows and lines met (header included), its months."""

    sha256: str
    bytes: int
    rows: int
    lines: int
    months: tuple[str, ...]

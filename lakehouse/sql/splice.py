"""A query with other words in some places; every other character is kept as the user wrote it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Piece:
    """A text that takes the place of the characters from `start` up to `end`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Spliced:
    """A query and the pieces that are put into it."""

    query: str
    pieces: tuple[Piece, ...]

    @staticmethod
    def of(query: str, pieces: Iterable[Piece]) -> Spliced:
        return Spliced(query, tuple(sorted(pieces)))

    @property
    def text(self) -> str:
        parts, at = [], 0
        for piece in self.pieces:
            parts += [self.query[at : piece.start], piece.text]
            at = piece.end
        return "".join([*parts, self.query[at:]])

    def place_before(self, offset: int) -> int:
        """The place in the user's query of a place in the text that the engine got."""
        shift = 0
        for piece in self.pieces:
            begin = piece.start + shift
            if offset < begin:
                break
            if offset < begin + len(piece.text):
                return piece.start
            shift += len(piece.text) - (piece.end - piece.start)
        return offset - shift

"""A place in a query: its line and column, and the line with a mark under it."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.errors import BadInput

_WIDTH = 100  # characters of a long line that are shown


@dataclass(frozen=True)
class Place:
    """Characters of a query, from `start` up to `end`."""

    query: str
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.query[self.start : self.end]

    @property
    def line(self) -> int:
        """The line, from 1 on."""
        return self.query.count("\n", 0, self.start) + 1

    @property
    def column(self) -> int:
        """The column in its line, from 1 on."""
        return self.start - self.query.rfind("\n", 0, self.start)

    def marked(self) -> str:
        """The line, or its part around the place, and below it a mark under the place."""
        begin = self.start - self.column + 1
        line = self.query[begin:].partition("\n")[0].replace("\t", " ").rstrip()
        at = self.column - 1
        skipped = max(at - _WIDTH // 2, 0) if len(line) > _WIDTH else 0
        shown = line[skipped : skipped + _WIDTH]
        length = max(min(self.end - self.start, len(shown) - at + skipped), 1)
        return f"  {shown}\n  {' ' * (at - skipped)}{'^' * length}"


class QueryError(BadInput):
    """A query that cannot be answered; the message names line and column, and marks the place."""

    def __init__(self, what: str = "", place: Place | None = None) -> None:
        self.place = place
        where = f"line {place.line}, column {place.column}: " if place else ""
        super().__init__(f"{where}{what}" + (f"\n{place.marked()}" if place else ""))

"""The waterfall of a training set: from all loans of its months to its rows, each loan in one line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lakehouse.errors import LakehouseError

LOANS, ROWS = "loans", "rows"


def excluded_as(name: str) -> str:
    """The line of an exclusion."""
    return f"excluded_{name}"


@dataclass(frozen=True)
class Waterfall:
    """The number of loans, those that were left out by reason, and the rows that remain."""

    loans: int
    left_out: Mapping[str, int]
    rows: int

    def as_lines(self) -> dict[str, int]:
        """The lines from the top to the bottom; the first is the sum of the others."""
        return {LOANS: self.loans, **self.left_out, ROWS: self.rows}

    def check(self) -> None:
        """LakehouseError unless each loan is in one line."""
        counted = sum(self.left_out.values()) + self.rows
        if counted != self.loans:
            raise LakehouseError(
                f"the waterfall counts {counted:,} loans in its lines, and there are {self.loans:,}: a loan "
                "is in two lines or in none, because a table has a key twice; python main.py audit tells more"
            )


def adds_up(lines: Mapping[str, int]) -> bool:
    """Whether the lines of a kept waterfall add up to its first."""
    return lines[LOANS] == sum(n for line, n in lines.items() if line != LOANS)

"""Text of Python as ruff formats it: literals in double quotes, and calls on one line where they fit."""

from __future__ import annotations

from collections.abc import Sequence

from lakehouse.scaffold.personal import words_of

WIDTH = 100


def literal(text: str) -> str:
    """A text as a literal."""
    shown = repr(text)
    return f'"{shown[1:-1]}"' if shown[0] == "'" and '"' not in shown else shown


def call(begin: str, parts: Sequence[str], end: str, indent: int = 0, after: str = ",") -> str:
    """Parts between brackets on one line, or a line per part where they are too long for one."""
    margin = " " * indent
    only = "," if begin.endswith("(") and begin == "(" and len(parts) == 1 else ""
    line = f"{margin}{begin}{', '.join(parts)}{only}{end}{after}"
    if len(line) <= WIDTH:
        return line
    return "\n".join(
        [f"{margin}{begin}", *(f"{margin}    {part}," for part in parts), f"{margin}{end}{after}"]
    )


def sentence(raw_name: str) -> str:
    """The words of a name as a meaning, for somebody to write better: `Loan_Amount` is Loan amount."""
    return f"{' '.join(words_of(raw_name)) or 'a column without letters'}.".capitalize()

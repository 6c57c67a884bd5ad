"""Rows as a table for people; a narrow terminal gets less columns or a block per row, and no cell is cut."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import click

from lakehouse.cli.show.terminal import columns, plain, say, text_width, wrapped, write

# Behind the title of a table that tells times.
UTC = "(times are UTC)"
_INDENT = 2
_GAP = 2
# A shorter text, as `2023-01 to 2023-08`, is read better on one line.
_SENTENCE = 22
# Cells that are judgements, in their colour.
_COLORS = {
    "ok": "green",
    "passed": "green",
    "absent": "yellow",
    "refused": "red",
    "missing": "red",
    "damaged": "red",
}

Lines = Sequence[Mapping[str, object]]


@dataclass(frozen=True)
class _Column:
    """A column with its cells as text."""

    name: str
    cells: Sequence[str]
    to_right: bool

    @property
    def title(self) -> str:
        return self.name.replace("_", " ")

    @property
    def is_empty(self) -> bool:
        return not any(self.cells)

    @property
    def widest(self) -> int:
        return max(map(text_width, (self.title, *self.cells)))

    @property
    def narrowest(self) -> int:
        """The width at which nothing but the title and sentences is broken, and these only between words."""
        return max(_longest_word(self.title), *map(_least, self.cells))


def rows(title: str, lines: Lines, less: Sequence[str] = ()) -> None:
    """Print lines as a table; numbers are aligned to the right.

    `less` names columns that a narrow terminal may do without, the least important first. The line below the
    table tells what was left out. If that is not enough, each row is a block with a line per column.
    """
    if not lines:
        say(f"{title}: none")
        return
    write(click.style(plain(title), bold=True))
    write("")
    table, width = _columns(lines), columns()
    fitting, left_out = _fitting(table, width, less)
    if fitting:
        for line in _as_table(fitting, _widths(fitting, width)):
            write(line)
    else:
        left_out = []
        for line in _as_blocks(table, width):
            write(line)
    write("")
    if left_out:
        say(
            f"Left out at {width} columns: {', '.join(left_out)}. A wider terminal or --json has them."
        )


def _columns(lines: Lines) -> list[_Column]:
    return [
        _Column(
            name,
            [_cell(line[name]) for line in lines],
            any(_is_number(line[name]) for line in lines),
        )
        for name in lines[0]
    ]


def _fitting(
    table: list[_Column], width: int | None, less: Sequence[str]
) -> tuple[list[_Column], list[str]]:
    """The columns that fit, and the titles of those left out; no columns where that is not enough."""
    if _fits(table, width):
        return table, []
    kept = [column for column in table if not column.is_empty]
    left_out: list[str] = []
    for name in ("", *less):
        left_out += [column.title for column in kept if column.name == name]
        kept = [column for column in kept if column.name != name]
        if _fits(kept, width):
            return kept, left_out
    return [], []


def _fits(table: Sequence[_Column], width: int | None) -> bool:
    return width is None or _total([column.narrowest for column in table]) <= width


def _total(widths: Sequence[int]) -> int:
    return _INDENT + sum(widths) + _GAP * (len(widths) - 1)


def _widths(table: Sequence[_Column], width: int | None) -> list[int]:
    """The widths of columns; the widest ones give way until all of them fit."""
    widths = [column.widest for column in table]
    while width is not None and _total(widths) > width:
        spare = [n if n > column.narrowest else 0 for n, column in zip(widths, table, strict=True)]
        widths[spare.index(max(spare))] -= 1
    return widths


def _as_table(table: Sequence[_Column], widths: Sequence[int]) -> Iterator[str]:
    yield from _line(table, [column.title for column in table], widths)
    yield " " * (_INDENT - 1) + _rule() * (_total(widths) - _INDENT + 1)
    for cells in zip(*(column.cells for column in table), strict=True):
        yield from _line(table, cells, widths, colored=True)


def _line(
    table: Sequence[_Column], cells: Sequence[str], widths: Sequence[int], colored: bool = False
) -> Iterator[str]:
    """The lines of one row, enough for its longest cell."""
    parts = [wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
    for n in range(max(map(len, parts))):
        shown = []
        for column, part, width in zip(table, parts, widths, strict=True):
            text = part[n] if n < len(part) else ""
            blank = " " * (width - text_width(text))
            text = _colored(text) if colored else text
            shown.append(blank + text if column.to_right else text + blank)
        yield (" " * _INDENT + (" " * _GAP).join(shown)).rstrip()


def _as_blocks(table: Sequence[_Column], width: int | None) -> Iterator[str]:
    """A block per row, with a line per column that has a value."""
    room = max(text_width(column.title) for column in table)
    indent = _INDENT + room + _GAP
    for n in range(len(table[0].cells)):
        if n:
            yield ""
        for column in table:
            label = f"{' ' * _INDENT}{column.title:<{room}}{' ' * _GAP}"
            parts = wrapped(column.cells[n], width - indent if width else None)
            for each in parts if column.cells[n] else ():
                longest = width is not None and indent + text_width(each) > width
                if longest and text_width(each) + _INDENT + _GAP <= (width or 0):
                    # A long word goes below its label, where it has the whole line.
                    if label.strip():
                        yield label.rstrip()
                    label = " " * (_INDENT + _GAP)
                yield f"{label}{_colored(each)}"
                label = " " * indent


def _rule() -> str:
    try:
        "─".encode(sys.stdout.encoding or "utf-8")
    except (LookupError, UnicodeEncodeError):
        return "-"
    return "─"


def _colored(cell: str) -> str:
    color = "red" if cell.endswith(" LEAKS") else _COLORS.get(cell)
    return click.style(cell, fg=color) if color else cell


def _longest_word(text: str) -> int:
    return max(map(text_width, text.split()), default=0)


def _least(cell: str) -> int:
    return min(text_width(cell), max(_longest_word(cell), _SENTENCE))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return plain(str(value)).replace("\n", "\\n")

"""The header of a raw file: whether it has the columns of its source, under names that tables can have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lakehouse.bronze.raw import PROVENANCE
from lakehouse.errors import BadInput
from lakehouse.landing.row_hash import kept_as
from lakehouse.table import MONTH, Source

MAX_COLUMNS = 500  # each column costs memory and time in every later step
MAX_NAME = 255  # characters
_MARKS = ";\t|^~:,"


def checked_header(
    source: Source, file_name: str, header: list[str], deletes: bool = False
) -> tuple[str, ...]:
    """The column names of a raw file; BadInput if one of the source is missing, or two are alike.

    A file that `deletes` keys needs only these.
    """
    if len(header) > MAX_COLUMNS:
        raise BadInput(
            f"{file_name} has {len(header):,} columns, and at most {MAX_COLUMNS} are taken; deliver it"
            " with only the columns that are needed."
        )
    names = tuple(
        source.own_name(name.strip()) or f"unnamed_{i}" for i, name in enumerate(header, start=1)
    )
    longest = max(names, key=len)
    if len(longest) > MAX_NAME:
        raise BadInput(
            f"{file_name} has a column name of {len(longest):,} characters ({listed([longest])}...),"
            f" and at most {MAX_NAME} are taken; its first line must name the columns of {source.name}."
        )
    needed = source.keys if deletes else source.header
    times = dict(source.day_of)
    missing = [name for name in needed if name not in names and times.get(name) not in names]
    if missing:
        raise BadInput(
            f"{file_name} has the wrong header: no column {listed(missing)}"
            f"{_hint(missing, names)}; its first line must name the columns of {source.name}."
        )
    spelt = Counter(kept_as(name).casefold() for name in names)
    alike = [name for name in names if spelt[kept_as(name).casefold()] > 1]
    if alike:
        raise BadInput(
            f"{file_name} names columns twice (apart from case and signs): {listed(alike)};"
            f" rename or remove one of each."
        )
    reserved = {field.name for field in PROVENANCE} | {MONTH}
    taken = [name for name in names if name.casefold() in reserved]
    if taken:
        raise BadInput(f"{file_name}: the lakehouse itself uses {listed(taken)}; rename it.")
    return names


def _hint(missing: list[str], names: tuple[str, ...]) -> str:
    """A guess at what the header has in place of the missing columns; empty if there is none."""
    mark = max(_MARKS, key=names[0].count)
    if len(names) == 1 and mark in names[0]:
        return f" (cells must be separated by commas, or the source declares delimiter={mark!r})"
    other_case = [n for n in names if n.casefold() in {m.casefold() for m in missing}]
    return f" (but {listed(other_case)}: the case must match)" if other_case else ""


def listed(names: Sequence[str]) -> str:
    """Column names for a message: at most 30 names, with at most 60 characters each."""
    shown = [" ".join(name.split())[:60] for name in names]
    return ", ".join(shown[:30]) + (f" and {len(shown) - 30} more" if len(shown) > 30 else "")

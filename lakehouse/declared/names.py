"""Names in declarations: which are plain, which stand twice, and what was meant by one that is unknown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from lakehouse.nearest import meant
from lakehouse.words import named

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_UNFILLED = re.compile(r"\{\w*\}")


def instead(name: str, names: Iterable[str], owner: str) -> str:
    """The end of a sentence about an unknown name: the nearest one, or those that there are."""
    there = list(dict.fromkeys(names))
    if near := meant(name, there):
        return f"is it {near}?"
    return f"{owner} has {named(there) or 'none'}"


def unknown(place: str, what: str, asked: Iterable[str], names: Iterable[str]) -> Iterator[str]:
    """A line for each asked name that is none of the names; `what` says how it is declared."""
    there = dict.fromkeys(names)
    for name in asked:
        if name not in there:
            yield f"{place}: {what} {name!r} is none of its columns; {instead(name, there, 'it')}"


def twice(names: Iterable[str]) -> list[str]:
    """The names that stand more than once, in small letters: engines do not tell them by case."""
    counts = Counter(name.lower() for name in names)
    return [name for name, count in counts.items() if count > 1]


def meaning_fault(text: object, remedy: str) -> str:
    """Why a text tells no meaning, with what to do; empty if it tells one."""
    if not isinstance(text, str) or not text.strip():
        return f"has no meaning; {remedy}"
    if "{" in text and (unfilled := _UNFILLED.search(text)):
        return f"has {unfilled[0]} in its meaning, which nothing filled in; write out what it stands for"
    return ""

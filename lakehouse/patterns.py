"""Patterns of file names: * is any text without a slash, ? is one sign, ** is any number of folders."""

from __future__ import annotations

import re
from functools import cache


def is_like(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a name is of one of the patterns, in any case.

    In a pattern * is any text without a slash, ? is one sign, and ** as a folder is any number of folders.
    """
    return _compiled(patterns).fullmatch(name) is not None


@cache
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(_as_regex, patterns)) or "(?!)", re.IGNORECASE | re.DOTALL)


def _as_regex(pattern: str) -> str:
    *folders, last = pattern.split("/")
    within = "".join(_folders(each) for each in folders)
    return within + (r"(?:[^/]+/)*[^/]+" if last == "**" else _part(last))


def _folders(pattern: str) -> str:
    return r"(?:[^/]+/)*" if pattern == "**" else f"{_part(pattern)}/"


def _part(pattern: str) -> str:
    return re.escape(pattern).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")

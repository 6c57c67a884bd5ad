"""Numbers with a decimal comma, where a source declares one."""

from __future__ import annotations

import re
from collections.abc import Collection

from lakehouse.landing.cells import is_like
from lakehouse.table import Source

DECLARE = 'declare the decimal mark of the source, as decimal=","'

# Dirt around a number stays there, as it does around one with a point.
_AROUND = "[ _]*"
_THOUSANDS = r"[0-9]{1,3}(\.[0-9]{3})+"
_WITH_COMMA = rf"{_AROUND}[+-]?([0-9]*|{_THOUSANDS}),[0-9]*([eE][+-]?[0-9]+)?{_AROUND}"
_WITH_POINTS = rf"{_AROUND}[+-]?{_THOUSANDS}{_AROUND}"
_POINT = rf"{_AROUND}[+-]?[0-9]*\.[0-9]*([eE][+-]?[0-9]+)?{_AROUND}"


def may_be_numbers(source: Source) -> list[str]:
    """The declared columns whose spelling is looked at: those that may be numbers, and that may be shown.

    With a decimal comma `1.234` is a number or a code, so only those that hold numbers for sure.
    """
    if source.decimal == ",":
        return [*source.sure_numbers]
    other = [n for n, kind in source.required if kind not in ("integer", "number")]
    return [n for n in source.header if n not in (*other, *source.personal)]


def with_point(text: str) -> str:
    """The text with a decimal point and no points between thousands, if it is a number with a comma.

    Any other stays as it is.
    """
    is_number = is_like(text, _WITH_COMMA, _WITH_POINTS)
    return f"""CASE WHEN {is_number} THEN replace(replace({text}, '.', ''), ',', '.')
                    ELSE {text} END"""


def with_comma(text: str) -> str:
    """The text that `with_point` turns into this one, if it is a number with a decimal point."""
    return f"CASE WHEN {is_like(text, _POINT)} THEN replace({text}, '.', ',') ELSE {text} END"


def are_surely_commas(texts: Collection[str]) -> bool:
    """Whether some of these numbers have a decimal comma for sure, and none has a comma of thousands.

    `12,345` may be either.
    """
    sure = any(re.search(r",([0-9]{1,2}|[0-9]{4,})([eE][+-]?[0-9]+)?\D*$", text) for text in texts)
    return sure and not any(re.search(r",.*[.,]", text) for text in texts)

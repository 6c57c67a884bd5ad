"""Cells whose plausible values nobody has said yet, as `new source` writes them; narrow them when you know.

`number`, `choice` and `date` of `cleaning.py` say what is plausible.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.silver import cleaning
from lakehouse.silver.cleaning import Cell
from lakehouse.table import Field, snake_case

if TYPE_CHECKING:
    from pyspark.sql import Column

# The values of an INT, and of a DOUBLE.
_WHOLE = (-(2**31), 2**31 - 1)
_ANY = (-sys.float_info.max, sys.float_info.max)
_YES, _NO = ("true", "t", "yes", "y"), ("false", "f", "no", "n")


def any_number(raw: str, doc: str, whole: bool = False) -> Cell:
    """A number without bounds; `whole` makes it an INT."""
    low, high = _WHOLE if whole else _ANY
    cell = cleaning.number(raw, low, high, doc, whole)
    return replace(cell, field=replace(cell.field, bounds=None))


def any_text(raw: str, doc: str) -> Cell:
    """A text, whatever it says."""

    def judge(text: Column, value: Column) -> Column:
        return F.lit(None).cast("string")

    return Cell(raw, Field(snake_case(raw), "STRING", doc), lambda text: text, judge)


def yes_or_no(raw: str, doc: str) -> Cell:
    """A BOOLEAN, from true, yes, false, no or their first letters."""

    def parse(text: Column) -> Column:
        said = F.lower(text)
        return F.when(said.isin(*_YES), F.lit(True)).when(said.isin(*_NO), F.lit(False))

    def judge(text: Column, value: Column) -> Column:
        return F.when(text.isNotNull() & value.isNull(), "neither yes nor no")

    return Cell(raw, Field(snake_case(raw), "BOOLEAN", doc), parse, judge)


def day_first_date(raw: str, doc: str) -> Cell:
    """A day, as `2023-05-01` or with the day first as `1/5/2023`."""
    return cleaning.date(raw, doc, "dmy")


def month_first_date(raw: str, doc: str) -> Cell:
    """A day, as `2023-05-01` or with the month first as `5/1/2023`."""
    return cleaning.date(raw, doc, "mdy")

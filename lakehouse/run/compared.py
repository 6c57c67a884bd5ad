"""Cells compared on an engine as landing compares them: `1000`, `1000.0` and `+1e3` say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.landing.cells import BLANKS, EXACT_DIGITS, NO_CODE, NUMBER

if TYPE_CHECKING:
    from pyspark.sql import Column


def compared(cell: Column) -> Column:
    """A text that is the same for cells that say the same, as `landing.cells.compared`; empty for NULL."""
    text = _without_underscores(F.coalesce(F.btrim(cell, F.lit(BLANKS)), F.lit("")))
    is_number = text.rlike(f"^({NUMBER})$") & text.rlike(f"^({NO_CODE})$")
    point = F.regexp_replace(F.regexp_replace(text, r"(\.[0-9]*?)0+$", "$1"), r"\.$", "")
    number = F.regexp_replace(F.when(text.rlike("[eE]"), text).otherwise(point), "^[+]+", "")
    digits = F.length(F.regexp_replace(number, "[^0-9]", ""))
    double = (number.try_cast("double") + F.lit(0.0)).cast("string")
    value = F.when(digits <= EXACT_DIGITS, F.coalesce(double, text)).otherwise(number)
    return F.when(is_number, value).otherwise(text)


def _without_underscores(text: Column) -> Column:
    bare = F.btrim(text, F.lit("_"))
    on_one_side = text.startswith("_") != text.endswith("_")
    return F.when(on_one_side & bare.rlike(f"^({NUMBER})$"), bare).otherwise(text)

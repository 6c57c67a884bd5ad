"""One row: a client with sex and month of birth; the day of birth stays in bronze."""

from lakehouse import functions as F
from lakehouse.silver.cleaning import Cell, silver_table
from lakehouse.silver.open_cells import any_text
from lakehouse.table import Field

from ..bronze.client import TABLE as BRONZE

# The month from 1 to 12, or from 51 to 62 for a woman. A birth number of this bank is of the 20th century.
FORM = r"^[0-9]{2}(0[1-9]|1[0-2]|5[1-9]|6[0-2])(0[1-9]|[12][0-9]|3[01])\z"


def _month(number):
    return F.substring(number, 3, 2).cast("int")


def _sex(number):
    return F.when(number.rlike(FORM), F.when(_month(number) > 50, "F").otherwise("M"))


def _born_in(number):
    year, month = F.substring(number, 1, 2), F.lpad((_month(number) % 50).cast("string"), 2, "0")
    day = F.concat(F.lit("19"), year, F.lit("-"), month, F.lit("-01"))
    return F.when(number.rlike(FORM), day.cast("date"))


def _not_one(number, value):
    # The reason does not show the number.
    return F.when(number.isNotNull() & value.isNull(), "not a birth number")


TABLE = silver_table(
    BRONZE,
    "A client with sex and month of birth.",
    [
        Cell("birth_number", Field("sex", "STRING", "F or M."), _sex, _not_one),
        Cell(
            "birth_number",
            Field("born_in", "DATE", "The first day of the month of birth."),
            _born_in,
            _not_one,
        ),
        any_text("district_id", "The district in which the client lives."),
    ],
)

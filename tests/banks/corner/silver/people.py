"""One row: a customer in a month, typed, without the name."""

from lakehouse.silver.cleaning import choice, number, silver_table

from ..bronze.people import TABLE as BRONZE
from ..limits import MOST

TABLE = silver_table(
    BRONZE,
    "A customer in a month, without the name.",
    [
        number("turnover", 0, MOST, "Turnover of the month."),
        choice("branch", ("east", "west"), "The branch."),
    ],
)

"""One row: an account, typed."""

from lakehouse.silver.cleaning import choice, date, silver_table
from lakehouse.silver.open_cells import any_text

from ..bronze.account import TABLE as BRONZE

TABLE = silver_table(
    BRONZE,
    "An account, typed.",
    [
        any_text("district_id", "The district of the branch."),
        choice(
            "frequency",
            ("POPLATEK MESICNE", "POPLATEK TYDNE", "POPLATEK PO OBRATU"),
            "A statement each month, each week, or after each transaction.",
        ),
        date("opened_on", "The day on which it was opened."),
    ],
)

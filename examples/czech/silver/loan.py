"""One row: a loan, typed, with the day on which it ends."""

from lakehouse import functions as F
from lakehouse.silver.cleaning import choice, number, silver_table
from lakehouse.silver.open_cells import any_text
from lakehouse.table import Field

from ..bronze.loan import TABLE as BRONZE

TABLE = silver_table(
    BRONZE,
    "A loan, typed, with the day on which it ends.",
    [
        any_text("account_id", "The account."),
        number("amount", 1, 10_000_000, "The amount in crowns."),
        number("duration", 1, 120, "Months until its end.", whole=True),
        number("payments", 0, 10_000_000, "The monthly installment in crowns."),
        choice(
            "status",
            ("A", "B", "C", "D"),
            "A is over and paid, B is over and not paid; C is running, D is running and in debt.",
        ),
    ],
    derived=[
        (
            Field("ends_on", "DATE", "The day of the last installment."),
            lambda: F.add_months("granted_on", F.col("duration")),
        )
    ],
)

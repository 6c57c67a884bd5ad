"""One row: a credit in a month of its life, typed."""

from corner.bronze.credits import TABLE as BRONZE
from corner.limits import MOST

from lakehouse.silver.cleaning import date, number, silver_table

TABLE = silver_table(
    BRONZE,
    "A credit in a month of its life, typed.",
    [
        date("opened_on", "The day of the application."),
        number("installment_no", 0, 600, "Installments due so far.", whole=True),
        number("days_late", 0, 20_000, "Days past due.", whole=True),
        number("rest", 0, MOST, "What is left to pay."),
    ],
)

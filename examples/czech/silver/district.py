"""One row: a district, typed, with names for its columns."""

from lakehouse.silver.cleaning import number, silver_table

from ..bronze.district import TABLE as BRONZE

UNKNOWN = ("?",)

TABLE = silver_table(
    BRONZE,
    "A district, typed.",
    [
        number("A4", 1, 2_000_000, "Inhabitants.", whole=True),
        number("A10", 0, 100, "Share of inhabitants in towns, in percent."),
        number("A11", 1, 100_000, "Average salary in crowns.", whole=True),
        number("A12", 0, 100, "Unemployment in 1995, in percent.", placeholders=UNKNOWN),
        number("A13", 0, 100, "Unemployment in 1996, in percent."),
        number("A15", 0, 1_000_000, "Crimes in 1995.", whole=True, placeholders=UNKNOWN),
        number("A16", 0, 1_000_000, "Crimes in 1996.", whole=True),
    ],
)

"""One row: a delivered row about a district, as text."""

from lakehouse.bronze.raw import bronze_table
from lakehouse.table import Field, Source

_MEANINGS = (
    "The district.", "Its name.", "Its region.", "Inhabitants.", "Villages of up to 499 inhabitants.",
    "Villages of 500 to 1999.", "Villages of 2000 to 9999.", "Towns of 10000 and more.", "Towns.",
    "Share of inhabitants in towns, in percent.", "Average salary in crowns.",
    "Unemployment in 1995, in percent.", "Unemployment in 1996, in percent.",
    "Entrepreneurs among 1000 inhabitants.", "Crimes committed in 1995.", "Crimes committed in 1996.",
)  # fmt: skip

TABLE = bronze_table(
    Source(
        name="district",
        file_names=("district.asc",),
        columns=tuple(Field(f"A{n}", "STRING", doc) for n, doc in enumerate(_MEANINGS, 1)),
        keys=("A1",),
        entity="",
        date="",
        required=(("A1", "text"),),
        delimiter=";",
    ),
    "A delivered row about a district.",
)

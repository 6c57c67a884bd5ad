"""One row: a delivered row about a client, as text."""

from lakehouse.bronze.raw import bronze_table
from lakehouse.table import Field, Source

TABLE = bronze_table(
    Source(
        name="client",
        file_names=("client.asc",),
        columns=(
            Field("client_id", "STRING", "The client."),
            Field(
                "birth_number",
                "STRING",
                "Day of birth, YYMMDD; the month of a woman has 50 added.",
                personal=True,
            ),
            Field("district_id", "STRING", "The district in which the client lives."),
        ),
        keys=("client_id",),
        entity="client_id",
        date="",
        required=(("client_id", "identifier"), ("district_id", "text")),
        delivery="rows",
        delimiter=";",
    ),
    "A delivered row about a client.",
)

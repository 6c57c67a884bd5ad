"""One row: a delivered row about a client who may dispose of an account, as text."""

from lakehouse.bronze.raw import bronze_table
from lakehouse.table import Field, Source

TABLE = bronze_table(
    Source(
        name="disp",
        file_names=("disp.asc",),
        columns=(
            Field("disp_id", "STRING", "The disposition."),
            Field("client_id", "STRING", "The client."),
            Field("account_id", "STRING", "The account."),
            Field("role", "STRING", "OWNER, or DISPONENT who may only use it."),
        ),
        keys=("disp_id",),
        entity="client_id",
        date="",
        required=(
            ("disp_id", "text"),
            ("client_id", "identifier"),
            ("account_id", "text"),
            ("role", "text"),
        ),
        delivery="rows",
        delimiter=";",
        renames=(("type", "role"),),
    ),
    "A delivered row about a client who may dispose of an account.",
)

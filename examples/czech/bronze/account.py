"""One row: a delivered row about an account, as text."""

from lakehouse.bronze.raw import bronze_table
from lakehouse.table import Field, OwnedBy, Source

TABLE = bronze_table(
    Source(
        name="account",
        file_names=("account.asc",),
        patterns=("account.asc", "account_*.asc"),
        columns=(
            Field("account_id", "STRING", "The account."),
            Field("district_id", "STRING", "The district of the branch."),
            Field("frequency", "STRING", "How often a statement is sent, as POPLATEK MESICNE."),
            Field("opened_on", "STRING", "The day on which it was opened, YYMMDD."),
        ),
        keys=("account_id",),
        # It names nobody: the disposition does.
        entity="",
        owned_by=OwnedBy("disp", "account_id", where=("role", "OWNER")),
        date="",
        required=(("account_id", "text"), ("district_id", "text"), ("opened_on", "date")),
        delivery="rows",
        date_form="yymmdd",
        first_year=1970,
        delimiter=";",
        renames=(("date", "opened_on"),),
    ),
    "A delivered row about an account.",
)

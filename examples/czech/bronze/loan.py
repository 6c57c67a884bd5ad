"""One row: a delivered row about a loan, as text."""

from lakehouse.bronze.raw import bronze_table
from lakehouse.table import Field, OwnedBy, Source

TABLE = bronze_table(
    Source(
        name="loan",
        file_names=("loan.asc",),
        patterns=("loan.asc", "loan_*.asc"),
        columns=(
            Field("loan_id", "STRING", "The loan."),
            Field("account_id", "STRING", "The account that it is paid to."),
            Field("granted_on", "STRING", "The day on which it was granted, YYMMDD."),
            Field("amount", "STRING", "The amount in crowns."),
            Field("duration", "STRING", "Months until its end."),
            Field("payments", "STRING", "The monthly installment in crowns."),
            Field("status", "STRING", "A letter from A to D that says how it went.", outcome=True),
        ),
        keys=("loan_id", "granted_on"),
        # It names nobody: the disposition does.
        entity="",
        owned_by=OwnedBy("disp", "account_id", where=("role", "OWNER")),
        date="granted_on",
        date_form="yymmdd",
        first_year=1970,
        required=(
            ("loan_id", "text"),
            ("account_id", "text"),
            ("granted_on", "date"),
            ("duration", "integer"),
            ("status", "text"),
        ),
        delimiter=";",
        renames=(("date", "granted_on"),),
    ),
    "A delivered row about a loan.",
)

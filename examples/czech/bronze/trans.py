"""One row: a delivered transaction of an account, as text."""

from lakehouse.bronze.raw import bronze_table
from lakehouse.table import Field, OwnedBy, Source

TABLE = bronze_table(
    Source(
        name="trans",
        file_names=("trans.asc",),
        patterns=("trans.asc", "trans_*.asc"),
        columns=(
            Field("trans_id", "STRING", "The transaction; a later one has a larger number."),
            Field("account_id", "STRING", "The account."),
            Field("booked_on", "STRING", "Its day, YYMMDD."),
            Field("direction", "STRING", "PRIJEM comes in; VYDAJ, and sometimes VYBER, goes out."),
            Field("manner", "STRING", "How, as VKLAD in cash or PREVOD NA UCET to another bank."),
            Field("amount", "STRING", "The amount in crowns."),
            Field("balance", "STRING", "The balance after it, in crowns."),
            Field("k_symbol", "STRING", "What for, as SIPO for the household."),
            Field("partner_bank", "STRING", "The bank of the partner."),
            Field("partner_account", "STRING", "The account of the partner."),
        ),
        keys=("trans_id", "booked_on"),
        # It names nobody: the disposition does.
        entity="",
        owned_by=OwnedBy("disp", "account_id", where=("role", "OWNER")),
        date="booked_on",
        date_form="yymmdd",
        first_year=1970,
        required=(
            ("trans_id", "integer"),
            ("account_id", "text"),
            ("booked_on", "date"),
            ("direction", "text"),
            ("amount", "number"),
            ("balance", "number"),
        ),
        delimiter=";",
        renames=(
            ("date", "booked_on"),
            ("type", "direction"),
            ("operation", "manner"),
            ("bank", "partner_bank"),
            ("account", "partner_account"),
        ),
    ),
    "A delivered transaction of an account.",
)

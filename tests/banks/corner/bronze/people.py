"""One row: a delivered row about a customer of the corner bank, as text."""

from lakehouse.bronze.raw import bronze_table
from lakehouse.table import Field, Source

TABLE = bronze_table(
    Source(
        name="people",
        file_names=("people.csv",),
        columns=(
            Field("cust_no", "STRING", "The customer, as 70012."),
            Field("full_name", "STRING", "The name.", personal=True),
            Field("turnover", "STRING", "Turnover of the month."),
            Field("branch", "STRING", "The branch: east or west."),
            Field("seen_on", "STRING", "The day on which this is known."),
        ),
        keys=("cust_no", "seen_on"),
        entity="cust_no",
        date="seen_on",
        required=(("cust_no", "identifier"), ("seen_on", "date")),
        delimiter=";",
    ),
    "A delivered row about a customer.",
)

"""One row: a delivered row about a credit in a month of its life, as text."""

from lakehouse.bronze.raw import bronze_table
from lakehouse.table import Field, Source

TABLE = bronze_table(
    Source(
        name="credits",
        file_names=("credits.csv",),
        columns=(
            Field("credit_no", "STRING", "The credit, as K12."),
            Field("cust_no", "STRING", "The borrower."),
            Field("opened_on", "STRING", "The day of the application."),
            Field("installment_no", "STRING", "Installments due so far."),
            Field("days_late", "STRING", "Days past due.", outcome=True),
            Field("rest", "STRING", "What is left to pay.", outcome=True),
            Field("seen_on", "STRING", "The day of the record."),
        ),
        keys=("cust_no", "credit_no", "seen_on"),
        entity="cust_no",
        date="seen_on",
        required=(
            ("cust_no", "text"),
            ("credit_no", "text"),
            ("seen_on", "date"),
            ("opened_on", "date"),
            ("installment_no", "integer"),
            ("days_late", "integer"),
        ),
        delimiter=";",
    ),
    "A delivered row about a credit in a month of its life.",
)

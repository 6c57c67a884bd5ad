"""One row: a delivered row of the loan system, a loan on a day of its life, as text."""

from lakehouse.bronze.raw import bronze_table
from lakehouse.table import Field, Source

SOURCE = Source(
    name="loan_daily",
    file_names=("lms_loan_daily.csv",),
    columns=(
        Field(
            "loan_id", "STRING", "The loan: customer and start date, as `CUS_0x1069_2023_01_01`."
        ),
        Field("Customer_ID", "STRING", "The borrower, as `CUS_0x1069`."),
        Field("loan_start_date", "STRING", "The day of the application and the start of the loan."),
        Field("tenure", "STRING", "Number of monthly installments."),
        Field("installment_num", "STRING", "Installments due so far: the month on book."),
        Field("loan_amt", "STRING", "Amount lent."),
        Field("due_amt", "STRING", "Installment due at this date."),
        Field("paid_amt", "STRING", "Amount paid for this installment.", outcome=True),
        Field(
            "overdue_amt", "STRING", "Sum of the amounts that are due and not paid.", outcome=True
        ),
        Field("balance", "STRING", "Amount still to be paid.", outcome=True),
        Field("snapshot_date", "STRING", "The day of the loan system's record."),
    ),
    keys=("Customer_ID", "loan_id", "snapshot_date"),
    entity="Customer_ID",
    date="snapshot_date",
    required=(
        ("Customer_ID", "text"),
        ("loan_id", "text"),
        ("snapshot_date", "date"),
        ("loan_start_date", "date"),
        ("installment_num", "integer"),
        ("due_amt", "number"),
        ("overdue_amt", "number"),
    ),
    order=(("loan_start_date", "snapshot_date"),),
)

TABLE = bronze_table(SOURCE, "A delivered row of the loan system: a loan on a day of its life.")

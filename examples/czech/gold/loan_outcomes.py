"""One row: whether a loan was paid at its end, on the day of its end."""

from lakehouse import functions as F
from lakehouse.label import LabelDefinition, LabelStore, LoanColumns
from lakehouse.table import MONTH_FIELD, Field, Table

from ..silver.borrowing import TABLE as BORROWINGS
from ..silver.trans import TABLE as TRANSACTIONS

UNPAID = LabelDefinition(
    "unpaid_at_end",
    rule="status B, over and not paid, on the day of the last installment",
    doc="Whether the bank lost money. Running loans, C and D, have no label: nobody knows their end.",
)
COLUMNS = LoanColumns(loan="loan_id", application="granted_on")
# The longest loan of the bank. A label is as many months after its loan.
LONGEST_MONTHS = 60


def transform(borrowings, transactions, months=None):
    """The labels of the loans that are over; the transactions only tell how far the books go."""
    over = borrowings.where(F.col("status").isin("A", "B"))
    return over.select(
        "client_id",
        "loan_id",
        F.lit(UNPAID.name).alias("label_def"),
        F.col("ends_on").alias("observed_on"),
        "granted_on",
        (F.col("status") == "B").cast("int").alias("is_unpaid"),
        F.date_format("ends_on", "yyyy-MM").alias("month"),
    )


TABLE = Table(
    layer="gold",
    name="loan_outcomes",
    doc="Whether a loan was paid at its end, on the day of its end.",
    keys=("client_id", "loan_id", "label_def", "observed_on"),
    fields=(
        Field("client_id", "STRING", "The borrower, who owns the account."),
        Field("loan_id", "STRING", "The loan."),
        Field("label_def", "STRING", "The name of the definition."),
        Field("observed_on", "DATE", "The day of the last installment, when the label is known."),
        Field("granted_on", "DATE", "The day on which the loan was granted."),
        Field("is_unpaid", "INT", "1 is not paid, 0 is paid.", outcome=True),
        MONTH_FIELD,
    ),
    # A table has only months that one above it has, so no label is of a month that the books do not know.
    upstreams=(BORROWINGS, TRANSACTIONS),
    transform=transform,
    look_back_months=LONGEST_MONTHS,
    expectations=(("unpaid_is_0_or_1", "is_unpaid = 0 OR is_unpaid = 1"),),
    entity="client_id",
    date="observed_on",
    labels=LabelStore(
        definitions=(UNPAID,),
        own=COLUMNS,
        label="is_unpaid",
        label_def="label_def",
        loans=LoanColumns(loan="loan_id", application="granted_on"),
        due="ends_on",
    ),
)

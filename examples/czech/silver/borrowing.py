"""One row: a loan with the client who owns its account."""

from lakehouse import functions as F
from lakehouse.table import MONTH_FIELD, Field, Table

from .disp import OWNER
from .disp import TABLE as DISPOSITIONS
from .loan import TABLE as LOANS


def transform(loans, dispositions):
    """The loans with the owners of their accounts; a disponent borrows nothing."""
    owners = dispositions.where(F.col("role") == OWNER).select("client_id", "account_id")
    kept = ("loan_id", "granted_on", "amount", "duration", "payments", "status", "ends_on", "month")
    return loans.join(owners, "account_id").select("client_id", "account_id", *kept)


TABLE = Table(
    layer="silver",
    name="borrowing",
    doc="A loan with the client who owns its account.",
    keys=("client_id", "loan_id", "granted_on"),
    fields=(
        Field("client_id", "STRING", "The client."),
        Field("loan_id", "STRING", "The loan."),
        Field("granted_on", "DATE", "The day on which it was granted."),
        Field("account_id", "STRING", "The account."),
        Field("amount", "DOUBLE", "The amount in crowns."),
        Field("duration", "INT", "Months until its end."),
        Field("payments", "DOUBLE", "The monthly installment in crowns."),
        Field("status", "STRING", "A letter from A to D that says how it went.", outcome=True),
        Field("ends_on", "DATE", "The day of the last installment."),
        MONTH_FIELD,
    ),
    upstreams=(LOANS, DISPOSITIONS),
    transform=transform,
    entity="client_id",
    date="granted_on",
)

"""One row: a day for which a client is described: that of a loan, or the first of a month."""

from lakehouse import functions as F
from lakehouse.table import MONTH_FIELD, Field, Table

from .borrowing import TABLE as BORROWINGS
from .disp import OWNER
from .disp import TABLE as DISPOSITIONS
from .trans import TABLE as TRANSACTIONS


def transform(borrowings, transactions, dispositions, months=None):
    """The days of loans, and the first day after each month in which the account had a transaction."""
    owners = dispositions.where(F.col("role") == OWNER).select("client_id", "account_id")
    of_loans = borrowings.select("client_id", "account_id", F.col("granted_on").alias("as_of_day"))
    after = F.add_months(F.trunc("booked_on", "month"), 1).alias("as_of_day")
    of_months = transactions.select("account_id", after).distinct().join(owners, "account_id")
    days = of_loans.unionByName(of_months.select("client_id", "account_id", "as_of_day")).distinct()
    return days.withColumn("month", F.date_format("as_of_day", "yyyy-MM"))


TABLE = Table(
    layer="silver",
    name="client_day",
    doc="A day for which a client is described: that of a loan, or the first of a month.",
    keys=("client_id", "account_id", "as_of_day"),
    fields=(
        Field("client_id", "STRING", "The client who owns the account."),
        Field("account_id", "STRING", "The account."),
        Field("as_of_day", "DATE", "The day; only what was booked before it is known."),
        MONTH_FIELD,
    ),
    upstreams=(BORROWINGS, TRANSACTIONS, DISPOSITIONS),
    transform=transform,
    look_back_months=1,
    entity="client_id",
    date="as_of_day",
    own_days=True,
)

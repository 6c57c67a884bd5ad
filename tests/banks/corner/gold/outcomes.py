"""One row: whether a credit was late at its third installment."""

from lakehouse import functions as F
from lakehouse.label import LabelDefinition, LabelStore, LoanColumns
from lakehouse.table import MONTH_FIELD, Field, Table

from ..limits import LATE_DAYS
from ..silver.credits import TABLE as CREDITS

LATE = LabelDefinition("late_3", dpd=LATE_DAYS, mob=3, doc="Late at the third installment.")
OWN = LoanColumns(loan="credit_no", application="opened_on", mob="installment_no")


def transform(rows):
    """The label of each credit that has come to its third installment."""
    third = rows.where(F.col("installment_no") == LATE.mob)
    is_late = (F.col("days_late") >= LATE.dpd).cast("int").alias("is_late")
    kept = ("cust_no", "credit_no", "opened_on", "seen_on", "installment_no", "days_late", "month")
    return third.select(*kept, is_late, F.lit(LATE.name).alias("rule"))


TABLE = Table(
    layer="gold",
    name="outcomes",
    doc="Whether a credit was late at its third installment.",
    keys=("cust_no", "credit_no", "rule", "seen_on"),
    fields=(
        Field("credit_no", "STRING", "The credit."),
        Field("cust_no", "STRING", "The borrower."),
        Field("opened_on", "DATE", "The day of the application."),
        Field("seen_on", "DATE", "The day on which the label was observed."),
        Field("installment_no", "INT", "Installments due by then."),
        Field("days_late", "INT", "Days past due.", outcome=True),
        Field("is_late", "INT", "1 is late, 0 is not.", outcome=True),
        Field("rule", "STRING", "The name of the definition."),
        MONTH_FIELD,
    ),
    upstreams=(CREDITS,),
    transform=transform,
    entity="cust_no",
    date="seen_on",
    labels=LabelStore(
        definitions=(LATE,),
        own=OWN,
        label="is_late",
        label_def="rule",
        loans=OWN,
        dpd="days_late",
        balance="rest",
    ),
)

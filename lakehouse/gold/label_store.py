"""One row: the label of a loan under one definition, with the day on which it was observed."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.label import LabelDefinition, LabelStore, LoanColumns
from lakehouse.silver.loan_daily import TABLE as LOAN_DAILY
from lakehouse.table import MONTH_FIELD, Field, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


DEFINITIONS = (
    LabelDefinition("30dpd_6mob", dpd=30, mob=6),
    LabelDefinition("60dpd_6mob", dpd=60, mob=6),
    LabelDefinition("30dpd_3mob", dpd=30, mob=3),
)


def transform(loans: DataFrame) -> DataFrame:
    """The label of each loan under each definition, from its row at that month on book."""
    labels = (_labelled(loans, definition) for definition in DEFINITIONS)
    return reduce(lambda union, more: union.unionByName(more), labels)


def _labelled(loans: DataFrame, definition: LabelDefinition) -> DataFrame:
    observed = loans.where((F.col("mob") == definition.mob) & F.col("dpd").isNotNull())
    return observed.select(
        "loan_id",
        "customer_id",
        F.col("loan_start_date").alias("application_date"),
        "snapshot_date",
        "mob",
        "dpd",
        (F.col("dpd") >= definition.dpd).cast("int").alias("label"),
        F.lit(definition.name).alias("label_def"),
        MONTH_FIELD.name,
    )


TABLE = Table(
    layer="gold",
    name="label_store",
    doc="The label of a loan under one definition, with the day on which it was observed.",
    keys=("customer_id", "loan_id", "label_def", "snapshot_date"),
    fields=(
        Field("loan_id", "STRING", "The loan."),
        Field("customer_id", "STRING", "The borrower."),
        Field("application_date", "DATE", "The day of the application."),
        Field("snapshot_date", "DATE", "The day on which the label was observed."),
        Field("mob", "INT", "Month on book on that day."),
        Field("dpd", "INT", "Days past due on that day.", outcome=True),
        Field("label", "INT", "1 is default, 0 is not.", outcome=True),
        Field("label_def", "STRING", "The definition: days past due and month on book."),
        MONTH_FIELD,
    ),
    upstreams=(LOAN_DAILY,),
    transform=transform,
    expectations=(("label_is_0_or_1", "label = 0 OR label = 1"),),
    entity="customer_id",
    date="snapshot_date",
    labels=LabelStore(
        definitions=DEFINITIONS,
        own=LoanColumns(loan="loan_id", application="application_date", mob="mob"),
        label="label",
        label_def="label_def",
        loans=LoanColumns(loan="loan_id", application="loan_start_date", mob="mob"),
        dpd="dpd",
        balance="balance",
    ),
)

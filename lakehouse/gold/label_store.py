"""One row: the label of a loan under one definition, with the day on which it was observed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lakehouse.gold.label_rules import labels_of
from lakehouse.label import LabelDefinition, LabelStore, LoanColumns
from lakehouse.silver.loan_daily import TABLE as LOAN_DAILY
from lakehouse.table import MONTH_FIELD, Field, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


DEFINITIONS = (
    LabelDefinition(
        "30dpd_6mob", dpd=30, mob=6, doc="Default of the bank's model: late in month 6."
    ),
    LabelDefinition("60dpd_6mob", dpd=60, mob=6, doc="A stricter default, of two installments."),
    LabelDefinition("30dpd_3mob", dpd=30, mob=3, doc="An early sign, known three months sooner."),
    LabelDefinition(
        "30dpd_ever_6mob",
        dpd=30,
        mob=6,
        when="ever",
        doc="Late in any month up to 6, also if it was paid later; the bad of a vintage curve.",
    ),
    LabelDefinition(
        "90dpd_ever_9mob",
        dpd=90,
        mob=9,
        when="ever",
        doc="The regulator's bound of 90 days, in any month up to 9.",
    ),
    LabelDefinition(
        "30dpd_6mob_indeterminate_1dpd",
        dpd=30,
        mob=6,
        indeterminate_dpd=1,
        doc="As 30dpd_6mob, but 1 to 29 days late is neither good nor bad.",
    ),
)


def transform(loans: DataFrame, months: Sequence[str] | None = None) -> DataFrame:
    """The label of each loan under each definition, on the day on which it is observed."""
    return labels_of(loans, DEFINITIONS, months)


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
        Field(
            "dpd",
            "INT",
            "Days past due on that day; of a definition over several months the most in them.",
            outcome=True,
        ),
        Field("label", "INT", "1 is default, 0 is not, NULL is indeterminate.", outcome=True),
        Field("label_def", "STRING", "The name of the definition."),
        MONTH_FIELD,
    ),
    upstreams=(LOAN_DAILY,),
    transform=transform,
    # A definition over several months reads those since month on book 0.
    look_back_months=max(each.mob for each in DEFINITIONS if each.is_window),
    expectations=(("label_is_0_1_or_null", "label IS NULL OR label = 0 OR label = 1"),),
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

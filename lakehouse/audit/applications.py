"""Labels before applications: a loan is applied for first, then seen, and labelled only after that."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.audit.finding import Check, Finding
from lakehouse.label import LoanColumns
from lakehouse.run.masked import shown
from lakehouse.table import Table, quoted

_LOAN, _APPLIED, _SEEN = "loan", "applied", "seen"


def applications_check(label_store: Table, read: Callable[[Table], DataFrame]) -> Check:
    """Check that no label is observed by the day of its application, and no loan is seen before it."""
    labels, loans = label_store.labels, label_store.upstreams[0]
    assert labels is not None, f"{label_store.full_name} is not a label store"
    observed = _dated(label_store, labels.own, read(label_store))
    early_labels = observed.where(F.col(_SEEN) <= F.col(_APPLIED))
    days = F.max(_APPLIED).alias(_APPLIED), F.min(_SEEN).alias(_SEEN)
    by_loan = _dated(loans, labels.loans, read(loans)).groupBy(_LOAN).agg(*days)
    early_loans = by_loan.where(F.col(_SEEN) < F.col(_APPLIED))
    return Check(
        name="labels before applications",
        proves="Each loan is applied for before it is seen, and labelled after that.",
        looked_at=f"the labels of {label_store.full_name} and the loans of {loans.full_name}",
        findings=(
            *_findings(label_store, labels.own, "labels were observed by", early_labels),
            *_findings(loans, labels.loans, "loans were seen before", early_loans),
        ),
    )


def _dated(table: Table, columns: LoanColumns, rows: DataFrame) -> DataFrame:
    names = {_LOAN: columns.loan, _APPLIED: columns.application, _SEEN: table.date}
    return rows.select(*(F.col(quoted(name)).alias(alias) for alias, name in names.items()))


def _findings(table: Table, columns: LoanColumns, what: str, early: DataFrame) -> Iterator[Finding]:
    first = F.min(F.struct(_LOAN, _APPLIED, _SEEN))
    n, example = early.select(F.count("*"), first).collect()[0]
    if n:
        loan = shown(table, columns.loan, example[_LOAN])
        yield Finding(
            table.full_name,
            f"{n:,} {what} the day of the application, such as {loan!r}: applied for on "
            f"{example[_APPLIED]}, seen on {example[_SEEN]}; correct the loan file, then run again",
        )

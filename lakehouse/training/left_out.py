"""Which loans have no row in a training set, each counted under one reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.label import LabelDefinition
from lakehouse.training.exclusions import EXCLUDED_BY
from lakehouse.training.waterfall import ROWS, excluded_as
from lakehouse.training_columns import (
    BALANCE,
    CUSTOMER,
    DPD,
    DUE,
    LABEL,
    LABEL_OBSERVED,
    LOAN,
    MOB,
    SNAPSHOT_DATE,
)

TOO_YOUNG, NOT_SEEN = "too_young", "not_seen_at_label_mob"
CLOSED_EARLY, WRITTEN_OFF, NOT_REPORTED = "closed_early", "written_off", "no_longer_reported"
DPD_UNKNOWN = "dpd_unknown"
# A loan whose label, told by a rule in words, is due by now and is not there.
OUTCOME_UNKNOWN = "outcome_unknown"
# Loans with a label that is neither good nor bad, and those of a set with `labels_known_by`.
INDETERMINATE, OBSERVED_LATER = "indeterminate", "label_observed_later"
# Told even if no loan is one of them.
_ALWAYS_TOLD, _TOLD_BY_RULE = (TOO_YOUNG, NOT_SEEN), (TOO_YOUNG, OUTCOME_UNKNOWN)
_REASONS = (
    *(TOO_YOUNG, NOT_SEEN, CLOSED_EARLY, WRITTEN_OFF, NOT_REPORTED),
    *(DPD_UNKNOWN, OUTCOME_UNKNOWN, INDETERMINATE),
)
_KEY = [LOAN, CUSTOMER]


def count_lines(
    loans: DataFrame,
    labelled: DataFrame,
    excluded: DataFrame | None,
    label: LabelDefinition,
    newest_day: date | None,
    known_by: date | None,
    exclusions: Sequence[str] = (),
) -> dict[str, int]:
    """The number of loans by line: by the reason why they are left out, the rows last.

    `loans` has every day of every loan, or a row with the day on which its label is due. `labelled` has the
    loans with a label or an indeterminate one, `excluded` those that an exclusion leaves out. `newest_day` is
    the last day that the tables of loans and labels know of: a label due by then, of a loan without later
    rows, will never be observed.
    """
    by_loan = loans.groupBy(*_KEY).agg(*_facts(label))
    labels = labelled.select(*_KEY, LABEL, LABEL_OBSERVED)
    placed = by_loan.join(labels, _KEY, "left")
    out = F.lit(None).cast("string").alias(EXCLUDED_BY)
    placed = (
        placed.select("*", out)
        if excluded is None
        else placed.join(excluded.select(*_KEY, EXCLUDED_BY), _KEY, "left")
    )
    counted = placed.groupBy(_line(label, newest_day, known_by).alias("line")).count().collect()
    count_by_line = {row["line"]: int(row["count"]) for row in counted}
    always = _TOLD_BY_RULE if label.rule else _ALWAYS_TOLD
    told = {*always, *([OBSERVED_LATER] if known_by else ()), *map(excluded_as, exclusions)}
    order = (*_REASONS, OBSERVED_LATER, *map(excluded_as, exclusions), ROWS)
    return {
        line: count_by_line.get(line, 0)
        for line in order
        if line in told or line in count_by_line or line == ROWS
    }


def _facts(label: LabelDefinition) -> tuple[Column, ...]:
    """The columns that tell why a loan has no label."""
    if label.rule:
        return (F.max(DUE).alias(DUE),)
    return (
        F.max(MOB).alias("_age"),
        F.max(F.struct(SNAPSHOT_DATE, BALANCE, DPD)).alias("_last"),
        F.count(F.when(F.col(MOB) == label.mob, 1)).alias("_days_at_mob"),
    )


def _line(label: LabelDefinition, newest_day: date | None, known_by: date | None) -> Column:
    """The one line of a loan."""
    is_late = F.lit(False) if known_by is None else F.col(LABEL_OBSERVED) > F.lit(known_by)
    return (
        F.when(F.col(LABEL_OBSERVED).isNull(), _reason(label, newest_day))
        .when(is_late, OBSERVED_LATER)
        .when(F.col(LABEL).isNull(), INDETERMINATE)
        .when(F.col(EXCLUDED_BY).isNull(), ROWS)
        .otherwise(F.concat(F.lit(excluded_as("")), F.col(EXCLUDED_BY)))
    )


def _reason(label: LabelDefinition, newest_day: date | None) -> Column:
    """The reason why a loan has no label."""
    if label.rule:
        return F.when(F.col(DUE) > F.lit(newest_day), TOO_YOUNG).otherwise(OUTCOME_UNKNOWN)
    age, last = F.coalesce(F.col("_age"), F.lit(0)), F.col("_last")
    due_on = F.add_months(last[SNAPSHOT_DATE], F.lit(label.mob) - age)
    return (
        F.when(F.col("_days_at_mob") > 0, DPD_UNKNOWN)
        .when(age >= label.mob, NOT_SEEN)
        .when(due_on > F.lit(newest_day), TOO_YOUNG)
        .when(last[BALANCE] <= 0, CLOSED_EARLY)
        .when(last[DPD] > 0, WRITTEN_OFF)
        .otherwise(NOT_REPORTED)
    )

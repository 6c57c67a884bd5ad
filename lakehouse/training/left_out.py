"""Which loans have no row in a training set, each counted under one reason."""

from __future__ import annotations

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.label import LabelDefinition
from lakehouse.training_columns import BALANCE, CUSTOMER, DPD, LOAN, MOB, SNAPSHOT_DATE

TOO_YOUNG, NOT_SEEN = "too_young", "not_seen_at_label_mob"
CLOSED_EARLY, WRITTEN_OFF, NOT_REPORTED = "closed_early", "written_off", "no_longer_reported"
DPD_UNKNOWN = "dpd_unknown"
# Told even if no loan is one of them.
_ALWAYS_TOLD = (TOO_YOUNG, NOT_SEEN)
_REASONS = (*_ALWAYS_TOLD, CLOSED_EARLY, WRITTEN_OFF, NOT_REPORTED, DPD_UNKNOWN)


def count_left_out(
    loans: DataFrame, labelled: DataFrame, label: LabelDefinition, newest_day: date | None
) -> dict[str, int]:
    """The number of loans without a label by reason, each loan under one of them.

    `loans` has every day of every loan, `labelled` the loans with a label. `newest_day` is the last day that
    the loan table knows of: a label due by then, of a loan without later rows, will never be observed.
    """
    ages = loans.groupBy(LOAN, CUSTOMER).agg(
        F.max(MOB).alias("_age"),
        F.max(SNAPSHOT_DATE).alias(SNAPSHOT_DATE),
        F.count(F.when(F.col(MOB) == label.mob, 1)).alias("_days_at_mob"),
    )
    unlabelled = ages.join(labelled, [LOAN, CUSTOMER], "left_anti")
    last_days = unlabelled.join(loans, [LOAN, CUSTOMER, SNAPSHOT_DATE])
    counted = last_days.groupBy(_reason(label, newest_day).alias("reason")).count().collect()
    count_by_reason = {row["reason"]: int(row["count"]) for row in counted}
    return {
        reason: count_by_reason.get(reason, 0)
        for reason in _REASONS
        if reason in _ALWAYS_TOLD or reason in count_by_reason
    }


def _reason(label: LabelDefinition, newest_day: date | None) -> Column:
    age = F.coalesce(F.col("_age"), F.lit(0))
    due_on = F.add_months(F.col(SNAPSHOT_DATE), F.lit(label.mob) - age)
    return (
        F.when(F.col("_days_at_mob") > 0, DPD_UNKNOWN)
        .when(age >= label.mob, NOT_SEEN)
        .when(due_on > F.lit(newest_day), TOO_YOUNG)
        .when(F.col(BALANCE) <= 0, CLOSED_EARLY)
        .when(F.col(DPD) > 0, WRITTEN_OFF)
        .otherwise(NOT_REPORTED)
    )

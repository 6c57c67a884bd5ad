"""As-of dates: no feature row is newer than its application, and no label was observed too early."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.audit.finding import Check, Finding
from lakehouse.engines.changes import any_of
from lakehouse.label import LabelDefinition
from lakehouse.training.point_in_time import JoinedGroup
from lakehouse.training_columns import APPLICATION, LABEL_DEF, MOB, SNAPSHOT_DATE

# If none of fewer applications finds a row, that may be chance.
_FEWEST = 10
Wrong = tuple[str, str, Column]  # the table, what is wrong with a row, and the condition for it


def as_of_check(
    training_set: DataFrame,
    groups: Sequence[JoinedGroup],
    label_store: DataFrame,
    definitions: Sequence[LabelDefinition],
    labelled: str,
) -> Check:
    """Check the dates themselves, not the join that chose them; `labelled` is the table of the labels."""
    rows, wrong_rows = _counts(training_set, [w for group in groups for w in _wrong_rows(group)])
    labels, wrong_labels = _counts(
        label_store, [w for d in definitions for w in _wrong_labels(d, labelled)]
    )
    found, uncovered = _coverage(training_set, groups, rows)
    return Check(
        name="as-of dates",
        proves="Every feature row was known on the day of its application and not too old, and no "
        "label was observed before it could be.",
        looked_at=f"{rows:,} applications with {len(groups)} feature groups ({found}), {labels:,} labels",
        findings=(*wrong_rows, *uncovered, *wrong_labels),
    )


def _coverage(
    training_set: DataFrame, groups: Sequence[JoinedGroup], applications: int
) -> tuple[str, list[Finding]]:
    """The share of applications that found a row of each group, and the groups that none found."""
    counts = training_set.select(F.count("*"), *(F.count(g.date_column) for g in groups)).collect()[
        0
    ]
    found = dict(zip(groups, counts[1:], strict=True))
    shares = ", ".join(f"{g.name} {n / max(applications, 1):.0%}" for g, n in found.items())
    return shares, [
        Finding(group.table, f"none of {applications:,} applications found a row of features")
        for group, n in found.items()
        if applications >= _FEWEST and not n
    ]


def _wrong_rows(group: JoinedGroup) -> list[Wrong]:
    used, day = F.col(group.date_column), F.col(APPLICATION)
    # A receipt of before may have a delay below 0.
    known_on = F.date_add(used, max(group.delay_days, 0))
    oldest = F.add_months(day, -group.max_age_months)
    dateless = used.isNull() & any_of(F.col(f"`{name}`").isNotNull() for name in group.features)
    return [
        (group.table, "of features used before they were known", known_on > day),
        (group.table, f"of features older than {group.max_age_months} months", used < oldest),
        (group.table, "of features without a snapshot_date", dateless),
    ]


def _wrong_labels(definition: LabelDefinition, labelled: str) -> list[Wrong]:
    defined = F.col(LABEL_DEF) == definition.name
    earliest = F.add_months(F.col(APPLICATION), definition.mob)
    early = defined & (F.col(SNAPSHOT_DATE) < earliest)
    if definition.rule:
        return [(labelled, f"of {definition.name} observed before the application", early)]
    other = defined & (F.col(MOB) != definition.mob)
    return [
        (labelled, f"of {definition.name} observed before month {definition.mob}", early),
        (labelled, f"of {definition.name} observed at another month on book", other),
    ]


def _counts(rows: DataFrame, wrongs: Sequence[Wrong]) -> tuple[int, list[Finding]]:
    """The number of rows, and one finding per kind of wrong row; counted in one pass."""
    counts = [F.count(F.when(condition, 1)) for _, _, condition in wrongs]
    total, *counted = rows.select(F.count("*"), *counts).collect()[0]
    findings = [
        Finding(subject, f"{n:,} rows {why}")
        for (subject, why, _), n in zip(wrongs, counted, strict=True)
        if n
    ]
    return int(total), findings

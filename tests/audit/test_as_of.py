"""The dates of a training set and of labels: what is wrong with them is found, what is right passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from pyspark.sql import DataFrame

from lakehouse.audit.as_of import as_of_check
from lakehouse.audit.finding import Check
from lakehouse.engines.embedded import session
from lakehouse.errors import BadInput
from lakehouse.label import LabelDefinition
from lakehouse.table import FeatureGroup
from lakehouse.training.point_in_time import JoinedGroup

CLICKS = JoinedGroup("clicks", "gold.features_clicks", ("fe",), max_age_months=3, delay_days=2)
DEFINITION = LabelDefinition("30dpd_6mob", dpd=30, mob=6)
APPLIED = date(2023, 5, 31)
GOOD_LABEL = (APPLIED, date(2023, 11, 30), 6, "30dpd_6mob")


def applications(*rows: tuple[date | None, int | None]) -> DataFrame:
    """Applications of 2023-05-31 with the day of the feature row that was used, and a feature of it."""
    ddl = "application_date DATE, clicks_snapshot_date DATE, fe INT"
    return session().createDataFrame([(APPLIED, *row) for row in rows], ddl)


def labels(*rows: tuple[date, date, int, str]) -> DataFrame:
    return session().createDataFrame(
        list(rows), "application_date DATE, snapshot_date DATE, mob INT, label_def STRING"
    )


def check(used: DataFrame, observed: DataFrame) -> Check:
    return as_of_check(used, [CLICKS], observed, [DEFINITION], "gold.outcomes")


def evidence(found: Check) -> list[tuple[str, str]]:
    return [(finding.subject, finding.evidence) for finding in found.findings]


def test_rows_known_on_the_day_and_not_too_old_pass() -> None:
    used = applications((date(2023, 5, 29), 1), (date(2023, 2, 28), 1), (None, None))
    found = check(used, labels(GOOD_LABEL))
    assert found.passed
    assert found.looked_at == "3 applications with 1 feature groups (clicks 67%), 1 labels"


@pytest.mark.parametrize("day", [date(2023, 5, 30), APPLIED, date(2023, 6, 1), date(2024, 1, 1)])
def test_a_row_that_was_not_yet_known_is_found(day: date) -> None:
    found = check(applications((date(2023, 5, 29), 1), (day, 1)), labels(GOOD_LABEL))
    assert evidence(found) == [
        ("gold.features_clicks", "1 rows of features used before they were known")
    ]


def test_a_row_of_after_the_application_is_found_whatever_delay_was_declared() -> None:
    before_its_day = replace(CLICKS, delay_days=-30)
    used = applications((date(2023, 6, 1), 1), (APPLIED, 1))
    found = as_of_check(used, [before_its_day], labels(GOOD_LABEL), [DEFINITION], "gold.outcomes")
    assert evidence(found) == [
        ("gold.features_clicks", "1 rows of features used before they were known")
    ]


def test_a_delay_below_0_cannot_be_declared() -> None:
    with pytest.raises(
        BadInput, match="feature group clicks declares delay_days -30; declare 0 or"
    ):
        FeatureGroup("clicks", max_age_months=3, delay_days=-30)
    assert FeatureGroup("clicks", max_age_months=3, delay_days=0).delay_days == 0


def test_a_row_older_than_the_group_allows_is_found() -> None:
    found = check(applications((date(2023, 2, 27), 1)), labels(GOOD_LABEL))
    assert evidence(found) == [("gold.features_clicks", "1 rows of features older than 3 months")]


def test_a_feature_that_came_without_its_day_is_found() -> None:
    found = check(applications((None, 7)), labels(GOOD_LABEL))
    assert evidence(found) == [
        ("gold.features_clicks", "1 rows of features without a snapshot_date")
    ]


def test_a_label_observed_before_its_month_is_found() -> None:
    early = (APPLIED, date(2023, 11, 29), 6, "30dpd_6mob")
    found = check(applications(), labels(GOOD_LABEL, early))
    assert evidence(found) == [("gold.outcomes", "1 rows of 30dpd_6mob observed before month 6")]


def test_a_label_of_another_month_on_book_is_found() -> None:
    late = (APPLIED, date(2023, 12, 31), 7, "30dpd_6mob")
    found = check(applications(), labels(GOOD_LABEL, late))
    assert evidence(found) == [
        ("gold.outcomes", "1 rows of 30dpd_6mob observed at another month on book")
    ]


def test_a_group_that_no_application_finds_is_found_and_one_with_few_finds_is_not() -> None:
    none, one = [(None, None)] * 12, [*[(None, None)] * 11, (date(2023, 5, 29), 1)]
    assert evidence(check(applications(*none), labels(GOOD_LABEL))) == [
        ("gold.features_clicks", "none of 12 applications found a row of features")
    ]
    assert check(applications(*one), labels(GOOD_LABEL)).passed

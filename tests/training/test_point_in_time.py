"""The point-in-time join against its definition in plain Python, on days around month ends."""

from __future__ import annotations

import calendar
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from lakehouse.engines.embedded import session
from lakehouse.fingerprint import essence
from lakehouse.training import point_in_time
from lakehouse.training.point_in_time import JOIN, JoinedGroup, first_labels, with_features

# Few examples, as each is a query; many customers in each.
FEW = settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
CUSTOMERS = [f"CUS_0x{n}" for n in range(8)]
MONTH_ENDS = [
    date(year, month, calendar.monthrange(year, month)[1])
    for year, months in ((2023, range(6, 13)), (2024, range(1, 6)))
    for month in months
]
DAYS = st.builds(
    lambda end, days: end + timedelta(days),
    st.sampled_from(MONTH_ENDS),
    st.one_of(st.integers(-3, 3), st.integers(-15, 15)),
)
Application = tuple[str, date]


@dataclass(frozen=True)
class Snapshots:
    """A feature group of one feature in plain Python: its value by customer and day."""

    values: dict[Application, int | None]
    max_age_months: int
    delay_days: int

    def group(self, name: str) -> JoinedGroup:
        return JoinedGroup(
            name, f"gold.{name}", (f"{name}_x",), self.max_age_months, self.delay_days
        )

    def used(self, customer: str, application_date: date) -> date | None:
        """The newest snapshot that was known on the day, and was not too old on it."""
        oldest = months_before(application_date, self.max_age_months)
        delay = timedelta(self.delay_days)
        known = [
            day
            for who, day in self.values
            if who == customer and day + delay <= application_date and day >= oldest
        ]
        return max(known, default=None)

    def seen(self, customer: str, application_date: date) -> tuple[int | None, date | None]:
        """Its feature and its day, as an application sees them."""
        day = self.used(customer, application_date)
        return (self.values[customer, day] if day else None, day)


def months_before(day: date, months: int) -> date:
    """The same day so many months before, or the last one of a shorter month."""
    index = day.year * 12 + day.month - 1 - months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


APPLICATIONS = st.lists(
    st.tuples(st.sampled_from(CUSTOMERS), DAYS), min_size=20, max_size=40
)  # the same one may come twice
SNAPSHOTS = st.builds(
    Snapshots,
    st.lists(
        st.tuples(
            st.tuples(st.sampled_from(CUSTOMERS[:-2]), DAYS),  # two customers have no row
            st.one_of(st.none(), st.integers(0, 99)),
        ),
        min_size=50,
        max_size=90,
    ).map(dict),
    st.integers(1, 12),
    st.integers(0, 40),
)


@pytest.fixture(scope="module")
def spark() -> SparkSession:
    return session()


def spine(spark: SparkSession, applications: Sequence[Application]) -> DataFrame:
    rows = [(f"note {n % 3}", customer, day) for n, (customer, day) in enumerate(applications)]
    return spark.createDataFrame(rows, "note STRING, customer_id STRING, application_date DATE")


def features(spark: SparkSession, values: Iterable[tuple[Any, ...]], name: str) -> DataFrame:
    ddl = f"customer_id STRING, snapshot_date DATE, {name}_x INT, month STRING"
    return spark.createDataFrame([(*row, "any") for row in values], ddl)


def listed(snapshots: Snapshots) -> list[tuple[Any, ...]]:
    return [(*key, value) for key, value in snapshots.values.items()]


def joined(
    spark: SparkSession, applications: Sequence[Application], *groups: Snapshots
) -> Counter[tuple[Any, ...]]:
    """The rows of the join, each as often as it is there."""
    named = [(f"g{n}", each) for n, each in enumerate(groups)]
    pairs = [(each.group(name), features(spark, listed(each), name)) for name, each in named]
    return counted(with_features(spine(spark, applications), pairs))


def counted(frame: DataFrame) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(row) for row in frame.collect())


# The law


@FEW
@given(APPLICATIONS, SNAPSHOTS, SNAPSHOTS)
def test_an_application_sees_the_newest_row_that_was_known_and_fresh_and_is_there_once(
    applications: list[Application], one: Snapshots, other: Snapshots
) -> None:
    expected = Counter(
        (f"note {n % 3}", *each, *one.seen(*each), *other.seen(*each))
        for n, each in enumerate(applications)
    )
    used = sum(one.used(*each) is not None for each in applications)
    event(f"{used * 4 // len(applications)} quarters of the applications see a row")
    assert joined(session(), applications, one, other) == expected


@FEW
@given(APPLICATIONS, SNAPSHOTS, st.data())
def test_rows_that_were_not_known_yet_change_nothing(
    applications: list[Application], past: Snapshots, data: st.DataObject
) -> None:
    last = {who: max(day for each, day in applications if each == who) for who, _ in applications}
    later = {
        (who, day + timedelta(data.draw(st.integers(1, 60)) - past.delay_days)): 4711
        for who, day in last.items()
    }
    known = Snapshots({**later, **past.values}, past.max_age_months, past.delay_days)
    assert joined(session(), applications, known) == joined(session(), applications, past)


@FEW
@given(APPLICATIONS, SNAPSHOTS, st.randoms(use_true_random=False), st.integers(2, 4))
def test_the_order_of_rows_and_their_parts_change_nothing(
    applications: list[Application], group: Snapshots, random: Any, parts: int
) -> None:
    spark, rows = session(), listed(group)
    left, right = spine(spark, applications), features(spark, rows, "g")
    in_order = counted(with_features(left, [(group.group("g"), right)]))

    shuffled = spark.createDataFrame(
        random.sample(left.collect(), len(applications)), left.schema
    ).repartition(parts)
    other = features(spark, random.sample(rows, len(rows)), "g").repartition(parts)

    assert counted(with_features(shuffled, [(group.group("g"), other)])) == in_order


# Its edges


@pytest.mark.parametrize(
    ("application", "snapshot", "months", "delay", "used"),
    [
        ("2024-03-31", "2024-03-31", 1, 0, True),
        ("2024-03-31", "2024-04-01", 1, 0, False),
        ("2024-03-31", "2024-03-21", 1, 10, True),
        ("2024-03-31", "2024-03-22", 1, 10, False),
        ("2024-03-31", "2024-02-29", 1, 0, True),
        ("2024-03-31", "2024-02-28", 1, 0, False),
        ("2023-05-31", "2023-02-28", 3, 0, True),
        ("2023-05-31", "2023-02-27", 3, 0, False),
        ("2024-02-29", "2023-02-28", 12, 0, True),
        ("2024-02-29", "2023-02-27", 12, 0, False),
        ("2023-02-28", "2023-01-28", 1, 0, True),
        ("2023-02-28", "2023-01-27", 1, 0, False),
        ("2023-03-01", "2023-01-31", 1, 40, False),
    ],
)
def test_the_first_and_the_last_day_on_which_a_row_is_used(
    spark: SparkSession, application: str, snapshot: str, months: int, delay: int, used: bool
) -> None:
    day, seen = date.fromisoformat(application), date.fromisoformat(snapshot)
    group = Snapshots({("CUS_0x1", seen): 7}, months, delay)
    expected = ("note 0", "CUS_0x1", day, *((7, seen) if used else (None, None)))
    assert joined(spark, [("CUS_0x1", day)], group) == {expected: 1}
    oldest, newest = group.group("g").window(day)
    assert (oldest <= seen <= newest) == used


def test_a_newest_row_without_a_value_hides_the_older_one(spark: SparkSession) -> None:
    day = date(2023, 5, 31)
    values = {("CUS_0x1", date(2023, 5, 1)): 7, ("CUS_0x1", date(2023, 5, 30)): None}
    found = joined(spark, [("CUS_0x1", day)], Snapshots(values, 3, 0))
    assert found == {("note 0", "CUS_0x1", day, None, date(2023, 5, 30)): 1}


def test_columns_are_those_of_the_spine_then_each_groups_features_and_the_day_of_its_row(
    spark: SparkSession,
) -> None:
    rows = features(spark, [], "g").withColumnRenamed("g_x", "a.b")
    groups = [
        JoinedGroup("clicks", "gold.clicks", ("a.b",), 3, 0),
        JoinedGroup("nothing", "gold.nothing", (), 3, 0),
    ]
    left = spine(spark, [("CUS_0x1", date(2023, 5, 31))]).withColumnRenamed("note", "odd ` name")
    assert with_features(left, [(each, rows) for each in groups]).columns == [
        *left.columns, "a.b", "clicks_snapshot_date", "nothing_snapshot_date",
    ]  # fmt: skip
    assert left.columns == ["odd ` name", "customer_id", "application_date"]


def test_without_a_group_the_spine_comes_back(spark: SparkSession) -> None:
    left = spine(spark, [("CUS_0x1", date(2023, 5, 31))] * 2)
    assert counted(with_features(left, [])) == counted(left)


# Labels


OBSERVED = st.lists(st.tuples(DAYS, st.integers(0, 1)), min_size=1, max_size=4).map(dict)
LOANS = st.lists(OBSERVED, min_size=10, max_size=20).map(
    lambda each: {f"loan {n}": days for n, days in enumerate(each)}
)


def label_store(spark: SparkSession, loans: dict[str, dict[date, int]]) -> DataFrame:
    """Loans with a label on each day; a row of another definition on the day before each."""
    rows = [
        (loan, f"CUS of {loan}", date(2023, 1, 1), day - timedelta(days_before), label, label_def)
        for loan, days in loans.items()
        for day, label in days.items()
        for label_def, days_before in (("30dpd_6mob", 0), ("other", 1))
    ]
    ddl = (
        "loan_id STRING, customer_id STRING, application_date DATE, snapshot_date DATE, "
        "label INT, label_def STRING"
    )
    return spark.createDataFrame(rows, ddl)


@FEW
@given(LOANS)
def test_a_loan_has_one_label_as_it_was_first_observed(loans: dict[str, dict[date, int]]) -> None:
    found = counted(first_labels(label_store(session(), loans), "30dpd_6mob"))
    assert found == Counter(
        (loan, f"CUS of {loan}", date(2023, 1, 1), days[min(days)], "30dpd_6mob", min(days))
        for loan, days in loans.items()
    )


@FEW
@given(LOANS)
def test_a_later_day_of_the_same_month_on_book_changes_no_label(
    loans: dict[str, dict[date, int]],
) -> None:
    longer = {
        loan: {**days, max(days) + timedelta(3): 1 - days[min(days)]}
        for loan, days in loans.items()
    }
    once, again = (
        counted(first_labels(label_store(session(), each), "30dpd_6mob"))
        for each in (loans, longer)
    )
    assert once == again


def test_a_change_of_the_join_is_a_decision_about_the_ids_of_training_sets() -> None:
    """If the join gives other rows, JOIN needs a new value; then this digest is written again.

    A column more is the same rows: `label_observed` has left JOIN as it was. So have rows as known then.
    """
    code = essence(Path(point_in_time.__file__).read_text(encoding="utf-8"))
    assert JOIN == "0b902681b5b5b33c"
    assert hashlib.sha256(code.encode()).hexdigest()[:16] == "c71d0207e38a9932"

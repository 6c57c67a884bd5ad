"""A bank's own tests are a few lines, and each fault that a declaration may have fails one of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from lakehouse import functions as F
from lakehouse.catalog import load
from lakehouse.errors import BadInput
from lakehouse.feature import Feature, feature
from lakehouse.gold.feature_group import feature_group
from lakehouse.table import MONTH_FIELD, Field, Table
from lakehouse.testing import (
    check_each_month,
    check_feature,
    check_group_is_point_in_time,
    check_rows,
    computed,
    examples,
    frame,
)

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

INCOME = Table(
    layer="silver",
    name="income",
    doc="A customer's income.",
    keys=("customer_id", "snapshot_date"),
    fields=(
        Field("customer_id", "STRING", "The customer."),
        Field("snapshot_date", "DATE", "The day."),
        Field("income", "DOUBLE", "Income."),
        Field("accounts", "INT", "Accounts."),
        MONTH_FIELD,
    ),
    entity="customer_id",
    date="snapshot_date",
)


@feature("DOUBLE")
def income_per_account(income: Column, accounts: Column) -> Column:
    """Income per account."""
    return income / accounts


def passed(name: str) -> Feature:
    return Feature(name, "DOUBLE", "As prepared.", (name,), lambda column: column)


def group(prepared: str, look_back_months: int = 0) -> Table:
    """A group whose feature `prepared` is the mean of a customer's incomes of the named kind."""
    from pyspark.sql import Window

    def prepare(rows: DataFrame, months: Sequence[str] | None) -> DataFrame:
        of_one = Window.partitionBy("customer_id")
        ordered = of_one.orderBy("snapshot_date").rowsBetween
        kinds = {
            "of_all": of_one,
            "of_next": ordered(0, 1),
            "so_far": ordered(Window.unboundedPreceding, 0),
        }
        told = rows.withColumn(prepared, F.avg("income").over(kinds[prepared]))
        return told if months is None else told.where(F.col("month").isin(*months))

    return feature_group(
        "income",
        "Income.",
        INCOME,
        [passed(prepared)],
        12,
        prepare=prepare,
        look_back_months=look_back_months,
    )


PLAIN = feature_group("income", "Income.", INCOME, [income_per_account], max_age_months=12)


def test_a_feature_is_what_is_expected_of_each_row() -> None:
    check_feature(
        PLAIN,
        "income_per_account",
        ({"income": 90.0, "accounts": 3}, 30.0),
        ({"income": 1.0, "accounts": 3}, 1 / 3),
        ({"income": None, "accounts": 3}, None),
    )


def test_another_value_than_the_expected_one_is_told_with_its_row() -> None:
    wrong = r"gold.features_income: income_per_account of \{'income': 90.0, 'accounts': 3\} is 30.0, not 31"
    with pytest.raises(AssertionError, match=wrong):
        check_feature(PLAIN, "income_per_account", ({"income": 90.0, "accounts": 3}, 31))


def test_null_is_not_a_number() -> None:
    with pytest.raises(AssertionError, match="is None, not 0"):
        check_feature(PLAIN, "income_per_account", ({"income": None, "accounts": 3}, 0.0))


@pytest.mark.parametrize(
    ("name", "row", "told"),
    [
        ("income_per_acount", {}, "no column income_per_acount; is it income_per_account?"),
        ("income_per_account", {"incom": 1.0}, "no column incom; is it income?"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(
    name: str, row: dict[str, object], told: str
) -> None:
    with pytest.raises(BadInput, match=told.replace("?", r"\?")):
        check_feature(PLAIN, name, (row, None))


ROWS = [
    {"customer_id": "A", "snapshot_date": "2023-01-31", "income": 10.0, "accounts": 1},
    {"customer_id": "A", "snapshot_date": "2023-02-28", "income": 30.0, "accounts": 2},
]


def test_the_rows_of_a_table_are_those_expected_and_no_others() -> None:
    wanted = [
        {"snapshot_date": "2023-01-31", "income_per_account": 10.0, "month": "2023-01"},
        {"snapshot_date": "2023-02-28", "income_per_account": 15.0},
    ]
    check_rows(PLAIN, ROWS, wanted)
    with pytest.raises(AssertionError, match=r"a row that is not expected: customer_id A, .*02-28"):
        check_rows(PLAIN, ROWS, wanted[:1])
    with pytest.raises(AssertionError, match=r"has 0 rows of .*2023, 3, 1"):
        check_rows(PLAIN, ROWS, [*wanted, {"snapshot_date": "2023-03-01"}])
    with pytest.raises(AssertionError, match=r"income_per_account of customer_id A, .* is 10.0"):
        check_rows(PLAIN, ROWS, [{**wanted[0], "income_per_account": 11.0}, wanted[1]])


def test_a_frame_has_all_columns_and_what_a_row_leaves_out() -> None:
    first, second = frame(INCOME, [{"income": 1.0}, {"snapshot_date": "2024-02-29"}]).collect()
    assert first["customer_id"] != second["customer_id"]
    assert (first["income"], first["accounts"], second["income"]) == (1.0, None, None)
    assert (second["snapshot_date"], second["month"]) == (date(2024, 2, 29), "2024-02")


@pytest.mark.parametrize(
    "table", [*load().feature_groups, PLAIN], ids=lambda table: table.full_name
)
def test_the_shipped_groups_know_no_later_row_and_each_month_by_itself_is_the_same(
    table: Table,
) -> None:
    check_group_is_point_in_time(table)
    check_each_month(table)


@pytest.mark.parametrize("kind", ["of_all", "of_next"])
def test_a_feature_that_knows_a_later_row_is_found(kind: str) -> None:
    with pytest.raises(
        AssertionError, match=f"{kind} of customer_id .* with the rows after .* cut"
    ):
        check_group_is_point_in_time(group(kind))


def test_a_feature_of_earlier_rows_is_not() -> None:
    check_group_is_point_in_time(group("so_far"))
    check_group_is_point_in_time(group("so_far"), ROWS)


def test_a_look_back_that_is_too_short_is_found() -> None:
    with pytest.raises(AssertionError, match=r"so_far of .* computed for 2023-0. by itself"):
        check_each_month(group("so_far", look_back_months=2))
    check_each_month(group("so_far", look_back_months=7))


def test_rows_of_which_nothing_is_computed_prove_nothing() -> None:
    def of_nobody(rows: DataFrame, months: Sequence[str] | None) -> DataFrame:
        return rows.where(F.col("customer_id") == "nobody")

    filtered = feature_group("income", "Income.", INCOME, [passed("income")], 12, prepare=of_nobody)
    for check in (check_each_month, check_group_is_point_in_time):
        with pytest.raises(BadInput, match="computes no row from these rows"):
            check(filtered)


def test_rows_of_one_day_and_a_table_that_is_not_a_group_prove_nothing() -> None:
    with pytest.raises(BadInput, match="all of one day"):
        check_group_is_point_in_time(PLAIN, ROWS[:1])
    with pytest.raises(BadInput, match="is not a feature group"):
        check_group_is_point_in_time(replace(PLAIN, group=None))


def test_a_group_has_the_entity_and_date_of_what_it_reads() -> None:
    named = {"customer_id": "cust_no", "snapshot_date": "seen_on"}
    fields = tuple(replace(f, name=named.get(f.name, f.name)) for f in INCOME.fields)
    own = replace(
        INCOME, keys=("cust_no", "seen_on"), fields=fields, entity="cust_no", date="seen_on"
    )
    made = feature_group("income", "Income.", own, [income_per_account], max_age_months=12)
    assert (made.keys, made.entity, made.date) == (own.keys, "cust_no", "seen_on")
    check_feature(made, "income_per_account", ({"income": 90.0, "accounts": 3}, 30.0))
    check_group_is_point_in_time(made)


@pytest.mark.parametrize("what", ["entity", "date"])
def test_a_group_of_a_table_that_lacks_its_entity_or_date_names_the_nearest(what: str) -> None:
    typo = {"entity": "customer_ids", "date": "snapshot_day"}[what]
    silver = replace(INCOME, entity=typo) if what == "entity" else replace(INCOME, date=typo)
    near = {"entity": "customer_id", "date": "snapshot_date"}[what]
    told = f"whose {what} is declared as {typo}, which is not there; is it {near}?"
    with pytest.raises(BadInput, match=re.escape(told)):
        feature_group("income", "Income.", silver, [income_per_account], 12)


@pytest.mark.parametrize("what", ["entity", "date"])
def test_a_group_of_a_table_without_entity_or_date_is_refused(what: str) -> None:
    silver = replace(INCOME, entity="") if what == "entity" else replace(INCOME, date="")
    with pytest.raises(BadInput, match=f"income reads silver.income, which has no {what}; "):
        feature_group("income", "Income.", silver, [income_per_account], max_age_months=12)


def test_examples_are_the_same_for_a_seed_and_others_for_another() -> None:
    assert examples(PLAIN) == examples(PLAIN) != examples(PLAIN, seed=1)
    rows = examples(PLAIN)["silver.income"]
    cells = [row[name] for row in rows for name in ("income", "accounts")]
    assert None in cells and len(computed(PLAIN, rows)) == len(rows)

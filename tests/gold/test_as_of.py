"""A group that joins another dated table sees what that said last, and nothing later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from lakehouse.errors import BadInput
from lakehouse.feature import Feature, Prepare
from lakehouse.gold.as_of import as_of
from lakehouse.gold.feature_group import feature_group
from lakehouse.table import MONTH_FIELD, Field, Table
from lakehouse.testing import check_each_month, check_group_is_point_in_time, check_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def table(name: str, *fields: Field, keys: tuple[str, ...]) -> Table:
    return Table(
        "silver", name, f"{name}.", keys, (*fields, MONTH_FIELD), entity=keys[0], date="day"
    )


ACCOUNT, DAY = Field("account", "STRING", "The account."), Field("day", "DATE", "The day.")
LOANS = table("loans", ACCOUNT, DAY, keys=("account", "day"))
RATINGS = table(
    "ratings", ACCOUNT, DAY, Field("rating", "INT", "The rating."), keys=("account", "day")
)
RATING = Feature("rating", "INT", "The last rating.", ("rating",), lambda column: column)
BACK = 2


def newest(loans: DataFrame, ratings: DataFrame, months: Sequence[str] | None) -> DataFrame:
    return as_of(loans, ratings, ["account"], "day", "day", ["rating"], BACK)


def leaking(loans: DataFrame, ratings: DataFrame, months: Sequence[str] | None) -> DataFrame:
    """The highest rating of an account on any day."""
    highest = ratings.groupBy("account").agg({"rating": "max"})
    return loans.join(highest.toDF("account", "rating"), "account", "left")


def group(prepare: Prepare | None, look_back_months: int = BACK) -> Table:
    return feature_group(
        "rated",
        "A loan with the rating of then.",
        LOANS,
        [RATING],
        max_age_months=1,
        prepare=prepare,
        look_back_months=look_back_months,
        joined=(RATINGS,),
    )


def test_a_row_has_what_the_other_table_said_last_up_to_its_day() -> None:
    loans = [{"account": "A", "day": day} for day in ("2023-01-04", "2023-01-05", "2023-04-01")]
    ratings = [
        {"account": "A", "day": "2023-01-05", "rating": 1},
        {"account": "A", "day": "2023-01-06", "rating": 2},
        {"account": "B", "day": "2023-01-01", "rating": 3},
    ]
    given = {"silver.loans": loans, "silver.ratings": ratings}
    found = [None, 1, None]  # before the first, on its day, and when all are too old
    check_rows(
        group(newest), given, [{**loan, "rating": r} for loan, r in zip(loans, found, strict=True)]
    )


def test_it_knows_nothing_later_and_each_month_by_itself_is_the_same() -> None:
    check_group_is_point_in_time(group(newest))
    check_each_month(group(newest))


def test_a_look_back_that_is_too_short_for_it_is_found() -> None:
    given = {
        "silver.loans": [{"account": "A", "day": "2023-02-01"}],
        "silver.ratings": [{"account": "A", "day": "2023-01-05", "rating": 1}],
    }
    check_each_month(group(newest), given)
    with pytest.raises(AssertionError, match="computed for 2023-02 by itself"):
        check_each_month(group(newest, look_back_months=0), given)


def test_a_join_that_takes_later_rows_of_the_other_table_is_found() -> None:
    with pytest.raises(AssertionError, match=r"rated: rating of .* with the rows after"):
        check_group_is_point_in_time(group(leaking))


def test_tables_are_not_joined_without_a_function_that_joins_them() -> None:
    with pytest.raises(BadInput, match=r"rated joins silver\.ratings without prepare, which would"):
        group(None)


def test_the_entity_may_come_from_a_joined_table_and_is_refused_where_none_has_it() -> None:
    owners = table("owners", ACCOUNT, Field("client", "STRING", "Who."), DAY, keys=("account",))

    def owned(loans: DataFrame, owners: DataFrame, months: Sequence[str] | None) -> DataFrame:
        return loans.join(owners.select("account", "client"), "account")

    def of(entity: str) -> Table:
        none = Feature("one", "INT", "One.", ("account",), lambda column: column.isNotNull())
        return feature_group(
            "owned", "Owned.", LOANS, [none], 1, prepare=owned, joined=(owners,), entity=entity
        )

    given = {
        "silver.loans": [{"account": "A", "day": "2023-01-04"}],
        "silver.owners": [{"account": "A", "client": "C"}],
    }
    check_rows(of("client"), given, [{"client": "C", "day": "2023-01-04", "one": 1}])
    with pytest.raises(BadInput, match=r"the entity clint, .* none .* has; is it client\?"):
        of("clint")

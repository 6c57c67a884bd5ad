"""A feature is a function: its name, parameters, type and docstring say it all."""

from __future__ import annotations

from functools import wraps
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F

from lakehouse.engines.embedded import session
from lakehouse.feature import Feature, columns, declared_in, feature
from lakehouse.table import Field


@feature("DOUBLE")
def debt_ratio(debt: Column, income: Column) -> Column:
    """Debt over
    income."""
    return debt / income


@feature("INT")
def income(income: Column) -> Column:
    """Income in thousands."""
    return F.floor(income / 1000)


@feature("INT")
def debt_over_half(debt_ratio: Column) -> Column:
    """1 where debt is over half the income, else 0."""
    return debt_ratio > 0.5


def computed(*features: Feature) -> list[dict[str, Any]]:
    frame = session().createDataFrame(
        [(600.0, 1000.0), (900.0, 9000.0)], "debt double, income double"
    )
    selected = frame.select(*columns(features))
    assert [(f.name, f.dataType.simpleString()) for f in selected.schema.fields] == [
        (each.name, each.type.lower()) for each in features
    ]
    return [row.asDict() for row in selected.collect()]


def test_a_function_becomes_a_feature_of_its_name_inputs_type_and_meaning() -> None:
    assert (debt_ratio.name, debt_ratio.type) == ("debt_ratio", "DOUBLE")
    assert debt_ratio.inputs == ("debt", "income")
    assert debt_ratio.doc == "Debt over income."
    assert debt_ratio.field == Field("debt_ratio", "DOUBLE", "Debt over income.")


def test_a_feature_is_computed_from_columns_in_its_declared_type() -> None:
    assert [row["debt_ratio"] for row in computed(debt_ratio)] == [0.6, 0.1]


def test_a_feature_may_name_another_in_any_order() -> None:
    for order in ((debt_ratio, debt_over_half), (debt_over_half, debt_ratio)):
        assert [row["debt_over_half"] for row in computed(*order)] == [1, 0]


def test_a_feature_that_takes_its_own_name_means_the_input_column() -> None:
    assert [row["income"] for row in computed(income)] == [1, 9]


def test_an_input_that_is_a_feature_means_the_feature_not_the_column() -> None:
    first, second = computed(debt_ratio, income)
    assert (first["debt_ratio"], second["debt_ratio"]) == (600.0, 100.0)


def test_the_features_of_a_module_come_in_the_order_of_its_text() -> None:
    namespace: dict[str, object] = {"b": debt_ratio, "x": 1, "a": income, "f": computed}
    assert declared_in(namespace) == (debt_ratio, income)


def test_the_inputs_are_the_parameters_however_they_are_written() -> None:
    def plain(a: Column, b: Column) -> Column:
        return (local := a) + local + b

    def odd(a: Column, *b: Column, c: Column, **d: Column) -> Column:
        return a

    @wraps(plain)
    def wrapped(*columns: Column) -> Column:
        return plain(*columns)

    made = [feature("INT")(each).inputs for each in (plain, odd, wrapped)]
    assert made == [("a", "b"), ("a", "b", "c", "d"), ("a", "b")]

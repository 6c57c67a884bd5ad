"""A Table is a frozen declaration that says where it lies and what it holds."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.table import Field, Source, Table, snake_case

TABLE = Table(
    "silver", "people", "A person.", ("id",), (Field("id", "STRING", ""), Field("n", "INT", ""))
)


def test_a_table_knows_its_names_and_columns() -> None:
    assert (TABLE.full_name, TABLE.path) == ("silver.people", "silver/people")
    assert TABLE.columns == ("id", "n") and TABLE.partition == "month"


def test_a_declaration_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        TABLE.name = "others"  # type: ignore[misc]


def test_extra_columns_are_text_behind_the_declared_ones_and_the_declaration_stays() -> None:
    wide = TABLE.with_extra(("n", "new", "id", "c d"))
    assert wide.columns == ("id", "n", "new", "c d")
    assert {field.type for field in wide.fields[2:]} == {"STRING"}
    assert TABLE.columns == ("id", "n")
    assert wide.with_extra(("new",)) == wide and TABLE.with_extra(()) == TABLE


def test_an_extra_column_named_twice_is_one_column() -> None:
    assert TABLE.with_extra(("new", "n", "new")).columns == ("id", "n", "new")


def test_a_sources_header_is_its_columns() -> None:
    columns = (Field("A", "STRING", ""), Field("B", "STRING", ""))
    assert Source("s", ("s.csv",), columns, ("A",), "A", "B", ()).header == ("A", "B")


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("Num_of_Loan", "num_of_loan"),
        ("Credit-Builder Loan", "credit_builder_loan"),
        ("Total_EMI_per_month", "total_emi_per_month"),
        (" Padded  Name ", "padded_name"),
        ("fe_1", "fe_1"),
        ("__x__", "x"),
    ],
)
def test_names_become_snake_case(raw: str, name: str) -> None:
    assert snake_case(raw) == name


@given(st.text(max_size=20))
def test_snake_case_is_stable_and_plain(raw: str) -> None:
    name = snake_case(raw)
    assert snake_case(name) == name
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_")

"""A Table is a frozen declaration that says where it lies and what it holds."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.errors import BadInput
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
    ("declared", "told"),
    [
        ({"patterns": ("/abs/*.csv",)}, "pattern '/abs/*.csv'; declare as loans/**/*.csv"),
        ({"patterns": ("../*.csv",)}, "pattern '../*.csv'"),
        ({"deleted_names": ("",)}, "pattern ''"),
        (
            {"deleted_column": "A"},
            "deleted_column 'A'; declare the name of a column that is no key",
        ),
        ({"delimiter": ";;"}, "delimiter ';;'; declare one sign, as ; or a tab"),
        ({"delimiter": '"'}, "delimiter '\"'"),
        ({"delimiter": "."}, "delimiter '.'"),
        ({"delimiter": ""}, "delimiter ''"),
        ({"encoding": "cp9999"}, "encoding 'cp9999'; declare one that Python knows, as cp1252"),
        ({"encoding": "base64"}, "encoding 'base64'"),
        ({"decimal": ";"}, "decimal ';'; declare a point or a comma"),
        ({"supersedes": "size"}, "supersedes 'size'; declare name, date or arrival"),
    ],
)
def test_a_source_with_a_wrong_declaration_is_one_clear_line(
    declared: dict[str, Any], told: str
) -> None:
    with pytest.raises(BadInput) as refused:
        Source("s", ("s.csv",), (Field("A", "STRING", ""),), ("A",), "A", "B", (), **declared)
    assert str(refused.value).startswith(f"source s declares {told}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("delimiter", [";", "\t", "|", "\x01", "~"])
def test_a_source_may_declare_how_its_files_are_written(delimiter: str) -> None:
    columns = (Field("A", "STRING", ""),)
    declared = Source(
        "s",
        ("s.csv",),
        columns,
        ("A",),
        "A",
        "B",
        (),
        patterns=("s/**/*.txt",),
        delimiter=delimiter,
        encoding="cp1252",
        decimal=",",
        supersedes="date",
    )
    assert declared.delimiter == delimiter


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

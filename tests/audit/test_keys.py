"""Padded ids, words for a missing value as ids and near ids are found; ids as they should be pass."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pyspark.sql import DataFrame

from lakehouse.audit.keys import keys_check
from lakehouse.bronze.attributes import TABLE as ATTRIBUTES
from lakehouse.bronze.loan_daily import TABLE as LOANS
from lakehouse.engines.embedded import session
from lakehouse.table import Table

CUSTOMER, LOAN = "bronze.attributes.Customer_ID", "bronze.loan_daily.loan_id"


def found(
    persons: list[str | None], loans: list[tuple[str, str]] | None = None, of: Table = ATTRIBUTES
) -> dict[str, str]:
    ids = {
        of: ([(id_,) for id_ in persons], "Customer_ID STRING"),
        LOANS: (loans or [("CUS_0x1", "L1")], "Customer_ID STRING, loan_id STRING"),
    }

    # Before a column is named: without a session PySpark asks the JVM for it.
    engine = session()

    def read(table: Table) -> DataFrame:
        return engine.createDataFrame(*ids[table])

    return {each.subject: each.evidence for each in keys_check([of, LOANS], read).findings}


def test_ids_without_fault_pass() -> None:
    assert found(["CUS_0x1", "CUS_0x10", "CUS_10", "Nancy_1"]) == {}


@pytest.mark.parametrize(
    "padded", ["CUS_0x9  ", " CUS_0x9", "CUS_0x9\u00a0", "\ufeffCUS_0x9", "CUS_0x9\n"]
)
def test_a_padded_id_is_found_and_its_blanks_are_seen(padded: str) -> None:
    wrong = found([padded, padded, "CUS_0x1"])
    assert wrong[CUSTOMER].startswith("2 rows have blanks around the id")
    assert f"such as {padded!r}: " in wrong[CUSTOMER]


@pytest.mark.parametrize("word", ["nan", "NULL", "None", " N/A ", "", " ", "#REF!", "-", "(null)"])
def test_a_word_for_a_missing_value_is_found(word: str) -> None:
    assert found([word])[CUSTOMER].startswith("1 rows have a word for a missing value as id")


@pytest.mark.parametrize("near", ["cus_0x1", "CUS_0X1", "CUS_\u200b0x1", "'CUS_0x1", '="CUS_0x1"'])
def test_ids_that_differ_in_case_or_in_added_signs_are_found_between_tables(near: str) -> None:
    assert "'CUS_0x1'" in found([near])[CUSTOMER] and repr(near) in found([near])[CUSTOMER]


def test_ids_that_differ_in_zeros_at_the_front_are_found_in_other_keys_too() -> None:
    wrong = found(["CUS_0x1"], [("CUS_0x1", "L-007"), ("CUS_0x1", "L-7"), ("CUS_0x1", "L-70")])
    assert set(wrong) == {LOAN}
    assert wrong[LOAN].startswith("1 ids are written in more than one way")
    assert "such as 'L-007' and 'L-7': " in wrong[LOAN]


def test_a_number_with_decimals_is_near_the_number() -> None:
    wrong = found(["CUS_0x1"], [("CUS_0x1", "12"), ("CUS_0x1", "12.0"), ("CUS_0x1", "120")])
    assert "such as '12' and '12.0': " in wrong[LOAN]
    assert found(["CUS_0x1"], [("CUS_0x1", "v1"), ("CUS_0x1", "v1.0")]) == {}


def test_an_id_that_is_personal_is_shown_masked() -> None:
    assert ATTRIBUTES.source is not None
    columns = tuple(
        replace(each, personal=each.name == "Customer_ID") for each in ATTRIBUTES.source.columns
    )
    personal = replace(ATTRIBUTES, source=replace(ATTRIBUTES.source, columns=columns))
    assert "such as 'xxx_9x9 ': " in found(["CUS_0x9 "], of=personal)[CUSTOMER]

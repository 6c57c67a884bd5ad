"""An erasure stops where the person may stand under another spelling of the id."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from lakehouse.catalog import load
from lakehouse.errors import BadInput
from lakehouse.storage.datamart import Datamart
from lakehouse.upkeep.erase import erase
from lakehouse.upkeep.person import near_ids
from tests.bank import Bank


@pytest.mark.parametrize(
    ("asked", "held", "near"),
    [
        ("CUS_0x902a", ["cus_0X902A"], True),
        ("CUS_0x902a", ["CUS_0x902a ", "CUS_0x902b"], False),
        ("123", ["00123"], True),
        ("00123", ["123"], True),
        ("AB-7", ["ab-007"], True),
        ("10", ["1", "100"], False),
        ("C1", ["C10", "c2"], False),
    ],
)
def test_ids_are_near_that_differ_in_case_or_in_zeros_at_the_front(
    tmp_path: Path, asked: str, held: list[str], near: bool
) -> None:
    file = tmp_path / "rows.parquet"
    pd.DataFrame({"Customer_ID": [*held, asked, None]}).to_parquet(file)
    ids = [id_.strip() for id_ in held]
    assert near_ids(asked, ["customer_id", "Customer_ID"], [file]) == (ids if near else [])


def test_a_near_id_stops_an_erasure_unless_the_exact_id_is_meant(
    pristine: Bank, tmp_path: Path
) -> None:
    bank = pristine.copied(tmp_path / "bank")
    persons = "features_attributes.csv"
    customer = pd.read_csv(bank.data / persons, dtype=str).Customer_ID.iloc[0]
    bank.change(persons, lambda rows: rows.replace({customer: customer.upper()}))
    bank.run()
    datamart = Datamart.at(bank.datamart, load())
    with pytest.raises(
        BadInput, match=f"also has {customer.upper()}, which may be the same person"
    ):
        erase(datamart, bank.data, customer)
    assert erase(datamart, bank.data, customer, exact=True).erasure_id
    assert erase(datamart, bank.data, customer.upper(), exact=True).erasure_id

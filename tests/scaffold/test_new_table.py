"""A new table loads, is formatted and passes its test; what cannot be is refused and changes nothing."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from lakehouse.catalog import load
from lakehouse.errors import BadInput
from lakehouse.scaffold.new_bank import new_bank
from lakehouse.scaffold.new_table import new_table
from tests.scaffold.test_new_bank import check_form, check_tests

NUMBERS = count()


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    folder = tmp_path / f"bank_for_tables_{next(NUMBERS)}"
    new_bank(folder)
    return folder


def test_tables_of_both_layers_pass_on_what_they_read(bank: Path) -> None:
    for file in ("silver/customers.py", "gold/features_customers.py", f"tests/test_{bank.name}.py"):
        (bank / file).unlink()
    made = [
        new_table("silver.customers", "bronze.customers", str(bank)),
        new_table("gold.features_people", "silver.customers", str(bank)),
        new_table("gold.loans", "silver.loans", str(bank)),
        new_table("gold.labels_again", "gold.label_store", str(bank)),
    ]
    check_form(*(file for each in made for file in each.files))
    catalog = load(bank)
    assert catalog.table("silver.customers").columns[:2] == ("customer_no", "known_on")
    assert "full_name" not in catalog.table("silver.customers").columns
    group = catalog.table("gold.features_people")
    assert group.group and [field.name for field in group.features] == ["income", "region"]
    outcomes = {field.name for field in catalog.table("gold.loans").fields if field.outcome}
    assert outcomes == {"days_late", "balance"}
    check_tests(bank)


def test_a_group_leaves_out_what_no_feature_may_be_and_says_so(bank: Path) -> None:
    made = new_table("gold.features_loans", "silver.loans", str(bank))
    assert made.left_out == (
        "applied_on is a DATE",
        "days_late tells how a loan went on",
        "balance tells how a loan went on",
    )
    (feature,) = load(bank).table("gold.features_loans").features
    assert feature.name == "month_on_book"


@pytest.mark.parametrize(
    ("table", "reads", "said"),
    [
        (
            "bronze.x",
            "bronze.loans",
            "is not a name of a new table; write silver.NAME or gold.NAME",
        ),
        ("gold.X", "silver.loans", "is not a name of a new table"),
        ("gold.loans", "silver.lons", "no table is called 'silver.lons'; is it silver.loans?"),
        ("gold.label_store", "silver.loans", "gold.label_store is there already"),
        ("gold.x", "bronze.loans", "a table of gold reads one of silver or gold"),
        ("silver.x", "gold.label_store", "a table of silver reads one of bronze"),
        ("silver.x", "bronze.loans", "the table of silver has the name of its source's"),
        (
            "silver.quarantine",
            "bronze.quarantine",
            "the table of silver has the name of its source's",
        ),
        ("gold.x", "ledger.releases", "a table of gold reads one of silver or gold"),
        ("gold.features_more", "silver.customers", "income has a name that is taken"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(
    bank: Path, table: str, reads: str, said: str
) -> None:
    text = (bank / "silver/customers.py").read_text()
    region = '        choice("region", ("north", "south"), "The region."),\n'
    (bank / "silver/customers.py").write_text(
        text.replace(region, "").replace("import choice, number", "import number")
    )
    group = bank / "gold/features_customers.py"
    north = group.read_text()
    start, end = north.index('\n\n@feature("INT")\ndef is_of_north'), north.index("\n\nTABLE")
    group.write_text(north[:start] + north[end:])
    before = {file: file.read_bytes() for file in bank.rglob("*.*")}
    with pytest.raises(BadInput) as refused:
        new_table(table, reads, str(bank))
    assert said in str(refused.value)
    assert {file: file.read_bytes() for file in bank.rglob("*.*")} == before

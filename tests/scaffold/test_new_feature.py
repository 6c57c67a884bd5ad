"""A new feature stands where its group takes it, is formatted, passes its test, or is refused in words."""

from __future__ import annotations

from ast import literal_eval
from itertools import count
from pathlib import Path

import pytest

from lakehouse.catalog import load
from lakehouse.errors import BadInput
from lakehouse.scaffold.new_bank import new_bank
from lakehouse.scaffold.new_feature import BECOMES, SAMPLES, NewFeature
from lakehouse.table import Field, Table
from lakehouse.testing import frame
from tests.scaffold.test_new_bank import check_form, check_tests

GROUP = "gold.features_customers"
NUMBERS = count()


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    folder = tmp_path / f"bank_for_features_{next(NUMBERS)}"
    new_bank(folder)
    return folder


def new(name: str, *takes: str, type_: str | None = None, doc: str = "Of use.") -> NewFeature:
    return NewFeature(name, GROUP, takes, doc, type_)


def test_it_is_of_its_group_formatted_and_passes_its_test(bank: Path) -> None:
    long = "What a customer spends of the income " * 5
    name = "pay_of_" + "a_very_" * 8 + "long_name"
    files = [
        *new("pay", "income", type_="INT", doc=long).write(str(bank)),
        *new(name, "region", "income", "pay").write(str(bank)),
    ]
    check_form(*files)
    fields = {field.name: field for field in load(bank).table(GROUP).features}
    assert fields["pay"].type == "INT" and fields["pay"].doc == f"{long.strip()}."
    check_tests(bank)


def test_each_type_becomes_what_the_engine_makes_of_it() -> None:
    for (of, to), expected in BECOMES.items():
        table = Table("silver", "x", "X.", ("x",), (Field("x", of, "X."),))
        rows = frame(table, [{"x": literal_eval(SAMPLES[of])}])
        ((found,),) = rows.select(rows.x.cast(to.lower())).collect()
        assert repr(found) == repr(literal_eval(expected)), (of, to)


def test_it_stands_before_the_line_that_takes_the_features(bank: Path) -> None:
    file = bank / "gold/features_customers.py"
    text = file.read_text()
    text = text.replace(
        "from lakehouse.feature", "from typing import Any as Column\n\nfrom lakehouse.feature"
    )
    text = text.replace("TABLE =", "# All of them.\nFEATURES = declared_in(globals())\n\nTABLE =")
    file.write_text(text.replace("    declared_in(globals()),", "    FEATURES,"))
    new("pay", "income").write(str(bank))
    assert "def pay(income: Column) -> Column:" in file.read_text()
    assert "    return income\n\n\n# All of them.\nFEATURES = declared_in(" in file.read_text()


@pytest.mark.parametrize(
    ("feature", "said"),
    [
        (new("pay", "incom"), "feature pay takes incom, which is not there; is it income?"),
        (new("income", "income"), "has a column income already; choose another name"),
        (new("F", "income"), "has the name F already"),
        (new("label", "income"), "has the name of a column that training sets have"),
        (new("a b", "income"), "'a b' is not a name of a function"),
        (new("class", "income"), "'class' is not a name of a function"),
        (new("pay", "income", doc=" "), "has no meaning that a docstring can say"),
        (new("pay", "income", doc='Pay """ or not'), "has no meaning that a docstring can say"),
        (new("pay", "income", doc="The {unit}"), "has {unit} in its meaning"),
        (
            new("pay", "region", type_="INT"),
            "a STRING, which does not become INT; give --type STRING",
        ),
        (new("pay", "known_on"), "a DATE, which does not become DATE; write it by hand"),
        (new("pay", "has_low_income"), "is a feature; name first a column of silver.customers"),
        (NewFeature("pay", "gold.label_store", ("days_late",), "Pay."), "is not a feature group"),
        (
            NewFeature("pay", "gold.features_custom", ("income",), "Pay."),
            "is it gold.features_customers?",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(
    bank: Path, feature: NewFeature, said: str
) -> None:
    before = {file: file.read_bytes() for file in bank.rglob("*.*")}
    with pytest.raises(BadInput) as refused:
        feature.write(str(bank))
    assert said in str(refused.value)
    assert {file: file.read_bytes() for file in bank.rglob("*.*")} == before


def test_an_outcome_is_refused(bank: Path) -> None:
    source = bank / "bronze/customers.py"
    source.write_text(
        source.read_text().replace('"Income of a month.")', '"Income.", outcome=True)')
    )
    with pytest.raises(BadInput, match="takes income, which tells how a loan went on"):
        new("pay", "region", "income").write(str(bank))


def test_a_module_that_lists_its_features_is_left_as_it_is(bank: Path) -> None:
    group = bank / "gold/features_customers.py"
    text = group.read_text().replace("declared_in(globals())", "[is_of_north]")
    group.write_text(text.replace("import declared_in, feature", "import feature"))
    with pytest.raises(BadInput, match="does not take its features by declared_in"):
        new("pay", "region").write(str(bank))
    assert group.read_text() == text.replace("import declared_in, feature", "import feature")


def test_the_shipped_bank_is_changed_by_hand() -> None:
    with pytest.raises(BadInput, match="new feature writes into your own bank, and none is named"):
        NewFeature("x", "gold.features_attributes", ("age",), "X.").write("lakehouse")

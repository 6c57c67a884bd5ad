"""The data dictionary says of every table and column what its declaration says."""

from __future__ import annotations

import json

import pytest

from lakehouse.catalog import load
from lakehouse.exports.dictionary import entries, markdown
from lakehouse.protected import Protected
from lakehouse.table import FeatureGroup, Field, Table

TABLES = load().tables


def test_every_table_and_column_is_in_it() -> None:
    found = {entry["table"]: entry for entry in entries(TABLES)}
    assert list(found) == [table.full_name for table in TABLES]
    for table in TABLES:
        names = [column["name"] for column in found[table.full_name]["columns"]]
        assert names == list(table.columns)


def test_an_entry_is_plain_json_with_all_of_the_declaration() -> None:
    (entry,) = entries([load().table("gold.features_clickstream")])
    assert json.loads(json.dumps(entry)) == entry
    assert entry["keys"] == ["customer_id", "snapshot_date"]
    assert entry["from"] == ["silver.clickstream"] and entry["look_back_months"] == 5
    assert entry["partition"] == "month" and entry["one_row_is"]
    assert "months_observed_in_window" in entry["expectations"]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.full_name)
def test_its_markdown_has_a_row_of_three_cells_a_column(table: Table) -> None:
    lines = markdown([table]).splitlines()
    assert lines[0] == f"## {table.full_name}" and table.doc in lines[2]
    rows = [line for line in lines[4:] if line.startswith("|")][2 : 2 + len(table.fields)]
    assert len(rows) == len(table.fields)
    for line, field in zip(rows, table.fields, strict=True):
        cells = line.replace("\\|", "").split("|")
        assert len(cells) == 5 and cells[1].strip() == field.name
        assert cells[2].strip() == field.type and cells[3].strip()


def test_a_bar_in_a_meaning_does_not_break_the_table() -> None:
    table = Table("gold", "t", "A row.", ("a",), (Field("a", "INT", "this | that"),))
    assert "| a | INT | this \\| that |" in markdown([table])


def test_it_says_of_a_column_whether_it_is_an_outcome_or_personal() -> None:
    table = load().table("bronze.loan_daily")
    (entry,) = entries([table])
    outcomes = {column["name"] for column in entry["columns"] if column["outcome"]}
    assert outcomes == {field.name for field in table.fields if field.outcome} != set()
    assert markdown([table]).count("Outcome: no feature may know it. |") == len(outcomes)
    attributes = markdown([load().table("bronze.attributes")])
    marked = [line for line in attributes.splitlines() if "Personal: never shown." in line]
    assert [line.split()[1] for line in marked] == ["Name", "SSN"]


def test_the_label_store_tells_its_definitions_and_what_a_training_set_may_leave_out() -> None:
    catalog = load()
    (entry,) = entries([catalog.label_store], catalog.exclusions)
    ever = entry["label_definitions"][3]
    assert ever["name"] == "30dpd_ever_6mob" and ever["window"] == "1 to 6"
    assert ever["observed"].endswith("or when that would be for a loan that is gone")
    assert entry["exclusions"][-1] == {
        "name": "occupation_unknown",
        "reason": "The application is incomplete: no occupation is given.",
        "condition": "occupation IS NULL",
        "reads": ["gold.features_attributes.occupation"],
    }
    text = markdown([catalog.label_store], catalog.exclusions)
    told = [*catalog.labels.definitions, *catalog.exclusions]
    assert all(f"\n| {each.name} | " in text for each in told) and "`age < 21`" in text


def test_a_feature_says_which_protected_attribute_it_carries() -> None:
    catalog = load()
    told = (catalog.tables, catalog.exclusions, catalog.protected)
    marked = {
        (entry["table"], column["name"]): column["protected"]
        for entry in entries(*told)
        for column in entry["columns"]
        if column["protected"]
    }
    assert marked == {
        ("gold.features_attributes", name): [each.name]
        for each in catalog.protected
        for name in each.carried_by
    }
    text = markdown(*told)
    assert text.count(" Protected: carries ") == len(marked) > 0
    for each in catalog.protected:
        assert f"\n| {each.name} | {each.doc} | {', '.join(each.carried_by)} |" in text


def test_the_same_name_in_a_key_or_in_a_table_without_features_is_not_protected() -> None:
    field = Field("age", "INT", "Age.")
    age = Protected("age", "Age.", "age", ("age",))
    group = FeatureGroup("g", 1)
    plain, keyed, of_group = (
        Table("gold", "t", "A row.", keys, (field,), group=own)
        for keys, own in ((("a",), None), (("age",), group), (("a",), group))
    )
    found = [
        entries([t], (), (age,))[0]["columns"][0]["protected"] for t in (plain, keyed, of_group)
    ]
    assert found == [[], [], ["age"]]

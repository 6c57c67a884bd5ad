"""Every table of the contract is declared, upstreams first, with all that is built out of it."""

from __future__ import annotations

import pytest

from lakehouse.catalog import LAYERS, Catalog, load, upstreams_first
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.table import MONTH, Table

CATALOG = load()
CONTRACT = {
    "bronze.clickstream": ("Customer_ID", "snapshot_date"),
    "bronze.attributes": ("Customer_ID", "snapshot_date"),
    "bronze.financials": ("Customer_ID", "snapshot_date"),
    "bronze.loan_daily": ("Customer_ID", "loan_id", "snapshot_date"),
    "bronze.quarantine": ("source", "_source_file", "_row_hash"),
    "bronze.superseded": ("source", "_source_file", "_key"),
    "silver.clickstream": ("customer_id", "snapshot_date"),
    "silver.attributes": ("customer_id", "snapshot_date"),
    "silver.financials": ("customer_id", "snapshot_date"),
    "silver.loan_daily": ("customer_id", "loan_id", "snapshot_date"),
    "gold.features_clickstream": ("customer_id", "snapshot_date"),
    "gold.features_attributes": ("customer_id", "snapshot_date"),
    "gold.features_financials": ("customer_id", "snapshot_date"),
    "gold.label_store": ("customer_id", "loan_id", "label_def", "snapshot_date"),
    "ledger.deliveries": ("source", "file", "sha256"),
    "gold.vintages": ("cohort", "mob", "dpd_bound"),
    "gold.roll_rates": ("month", "bucket_from", "bucket_to"),
    "ledger.erasures": ("erasure_id",),
    "ledger.releases": ("release",),
    "ledger.training_sets": ("training_set_id",),
}
EACH = pytest.mark.parametrize("table", CATALOG.tables, ids=lambda table: table.full_name)


def test_the_tables_are_those_of_the_contract_with_its_keys() -> None:
    assert {table.full_name: table.keys for table in CATALOG.tables} == CONTRACT


def test_a_table_comes_after_an_upstream_of_its_layer_whose_name_is_later() -> None:
    backwards = tuple(reversed(CATALOG.modules))
    ordered = [table for table, _ in upstreams_first(backwards)]
    assert sorted(ordered, key=CATALOG.tables.index) == [*CATALOG.tables]
    for table in ordered:
        assert all(ordered.index(up) < ordered.index(table) for up in table.upstreams)
    assert upstreams_first(CATALOG.modules) == CATALOG.modules


def test_each_table_comes_after_its_upstreams_and_after_the_layers_before() -> None:
    names = [table.full_name for table in CATALOG.tables]
    for table in CATALOG.tables:
        for upstream in table.upstreams:
            assert names.index(upstream.full_name) < names.index(table.full_name)
    layers = [LAYERS.index(table.layer) for table in CATALOG.tables]
    assert layers == sorted(layers)


def test_raw_files_fill_four_tables_and_ten_are_computed() -> None:
    assert {table.full_name for table in CATALOG.sources} == {
        "bronze.clickstream", "bronze.attributes", "bronze.financials", "bronze.loan_daily"
    }  # fmt: skip
    assert len(CATALOG.derived) == 10
    assert all(table.upstreams for table in CATALOG.derived)


@EACH
def test_a_declaration_is_whole(table: Table) -> None:
    assert len(set(table.columns)) == len(table.columns)
    assert set(table.keys) <= set(table.columns)
    assert set(table.unversioned) <= set(table.columns) - set(table.keys)
    assert table.partition is None or table.partition in table.columns
    assert table.doc.strip() and all(field.doc.strip() for field in table.fields)
    lower = [name.lower() for name in table.columns]
    assert len(set(lower)) == len(lower)  # Spark takes names without regard to case


@EACH
def test_what_is_computed_lies_by_month(table: Table) -> None:
    if table.layer in ("silver", "gold"):
        assert table.partition == MONTH and MONTH in table.columns
        assert "snapshot_date" in table.columns or not table.entity
        assert table.transform is not None and table.source is None


@EACH
def test_what_is_filled_has_a_fingerprint_of_its_code(table: Table) -> None:
    filled = bool(table.source or table.transform)
    assert (table.full_name in CATALOG.code) is filled


def test_fingerprints_differ_from_table_to_table() -> None:
    assert len(set(CATALOG.code.values())) == len(CATALOG.code) == 14


def test_gold_never_reads_bronze_and_features_never_read_the_loan_system() -> None:
    for table in CATALOG.tables:
        if table.layer == "gold":
            assert {upstream.layer for upstream in table.upstreams} == {"silver"}
        if table.name.startswith("features_"):
            assert "loan_daily" not in {upstream.name for upstream in table.upstreams}


@pytest.mark.parametrize("name", ["gold.label_store", "gold/label_store"])
def test_a_table_is_found_by_its_name(name: str) -> None:
    assert CATALOG.table(name).full_name == "gold.label_store"


@pytest.mark.parametrize("name", ["label_store", "gold.label", "GOLD.LABEL_STORE"])
def test_a_mistyped_table_is_refused_with_the_nearest_name(name: str) -> None:
    with pytest.raises(BadInput, match=r"is it gold\.label_store\?"):
        load().table(name)


@pytest.mark.parametrize("name", ["", "xyzzy"])
def test_an_unknown_table_is_refused_with_the_names_there_are(name: str) -> None:
    with pytest.raises(BadInput, match=r"there are bronze\.\w+, .*gold\.label_store"):
        CATALOG.table(name)


def test_a_catalog_loads_the_same_each_time() -> None:
    assert [t.full_name for t in load().tables] == [t.full_name for t in CATALOG.tables]
    assert load().code == CATALOG.code
    assert isinstance(load(), Catalog)


# What the rooms learn from declarations


OF_ENTITIES = (
    *CATALOG.sources,
    *(table for table in CATALOG.tables if table.layer == "silver"),
    *CATALOG.feature_groups,
    CATALOG.label_store,
)


@pytest.mark.parametrize("table", OF_ENTITIES, ids=lambda table: table.full_name)
def test_a_table_of_customers_says_whose_row_it_is_and_of_which_day(table: Table) -> None:
    assert {table.entity, table.date} <= {*table.keys}


def test_the_label_store_names_columns_that_it_and_its_loans_have() -> None:
    labels, store = CATALOG.labels, CATALOG.label_store
    own, loans = labels.own, labels.loans
    assert {own.loan, own.application, own.mob, labels.label, labels.label_def} <= {*store.columns}
    assert {loans.loan, loans.application, loans.mob} <= {*store.upstreams[0].columns}


def test_a_catalog_without_a_label_store_says_so() -> None:
    with pytest.raises(LakehouseError, match="no table is declared as the label store"):
        _ = Catalog(()).labels

"""A declaration that is wrong in one place is refused, in one line that names it; a sound one passes."""

from __future__ import annotations

import copy
import io
import keyword
import shutil
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.catalog import load
from lakehouse.cli import main
from lakehouse.declared import check_declared, faults
from lakehouse.declared.forms import form_faults
from lakehouse.declared.sql_names import condition_faults
from lakehouse.declared.tables import TYPES
from lakehouse.errors import BadInput
from lakehouse.exclusion import Exclusion
from lakehouse.feature import Feature, FeatureTransform, feature
from lakehouse.label import LabelDefinition
from lakehouse.protected import Protected
from lakehouse.silver.cleaning import Rule, SilverTransform, choice
from lakehouse.storage.delta_schema import schema
from lakehouse.table import Bounds, FeatureGroup, Field, OwnedBy, Source, Table

CATALOG = load()


@dataclass(frozen=True)
class Declared:
    """The declarations of a bank."""

    tables: tuple[Table, ...] = CATALOG.tables
    exclusions: tuple[Exclusion, ...] = CATALOG.exclusions
    protected: tuple[Protected, ...] = CATALOG.protected

    def table(self, name: str) -> Table:
        return next(table for table in self.tables if table.full_name == name)

    def with_table(self, of: str, **changes: Any) -> Declared:
        changed = replace(self.table(of), **changes)
        return self.having(changed, of)

    def having(self, changed: Table, of: str = "") -> Declared:
        of = of or changed.full_name
        tables = (changed if t.full_name == of else t for t in self.tables)
        return replace(self, tables=tuple(tables))

    def told(self) -> list[str]:
        return [*faults(self.tables, self.exclusions, self.protected)]


SOUND = Declared()
FINANCIALS, ATTRIBUTES = "gold.features_financials", "gold.features_attributes"


def test_the_shipped_declarations_are_sound() -> None:
    assert SOUND.told() == []


def test_own_code_may_read_decimal_commas_where_the_columns_of_numbers_are_declared() -> None:
    assert with_own_code_over_decimal_commas(numbers=()).told() == []


def with_field(name: str, column: str, **changes: Any) -> Declared:
    fields = [
        replace(each, **changes) if each.name == column else each
        for each in SOUND.table(name).fields
    ]
    return SOUND.with_table(name, fields=tuple(fields))


def with_features(name: str, *features: Feature) -> Declared:
    """The group with more features, which come after its own."""
    table = SOUND.table(name)
    transform = table.transform
    assert isinstance(transform, FeatureTransform)
    return SOUND.with_table(
        name,
        fields=(*table.fields, *(each.field for each in features)),
        transform=replace(transform, features=(*transform.features, *features)),
    )


def with_prepare(name: str, prepare: Callable[..., Any]) -> Declared:
    transform = SOUND.table(name).transform
    assert isinstance(transform, FeatureTransform)
    return SOUND.with_table(name, transform=replace(transform, prepare=prepare))


def taking(*inputs: str, name: str = "income_per_account", type_: str = "DOUBLE") -> Feature:
    return Feature(name, type_, "Income per account.", inputs, lambda *columns: columns[0])


def with_source(of: str, **changes: Any) -> Declared:
    table = SOUND.table(of)
    assert table.source
    return SOUND.with_table(of, source=replace(table.source, **changes))


def with_loans_keyed_without_their_customer() -> Declared:
    """A silver table whose source has an entity outside of its keys, as `silver_table` makes it."""
    bronze, silver = SOUND.table("bronze.loan_daily"), SOUND.table("silver.loan_daily")
    assert bronze.source
    source = replace(bronze.source, keys=("loan_id", "snapshot_date"))
    return SOUND.with_table(
        "silver.loan_daily",
        upstreams=(replace(bronze, source=source),),
        keys=("loan_id", "snapshot_date"),
        fields=tuple(each for each in silver.fields if each.name != "customer_id"),
    )


def with_own_code_over_decimal_commas(**changes: Any) -> Declared:
    bronze = SOUND.table("bronze.loan_daily")
    assert bronze.source
    source = replace(bronze.source, decimal=",", **changes)
    above = replace(bronze, source=source)
    return SOUND.with_table("gold.vintages", upstreams=(above,), look_back_column="")


def with_labels(**changes: Any) -> Declared:
    labels = SOUND.table("gold.label_store").labels
    assert labels
    return SOUND.with_table("gold.label_store", labels=replace(labels, **changes))


def with_loans(**changes: Any) -> Declared:
    return with_labels(loans=replace(CATALOG.labels.loans, **changes))


def with_exclusion(*exclusions: Exclusion) -> Declared:
    return replace(SOUND, exclusions=exclusions)


def with_protected(**changes: Any) -> Declared:
    return replace(SOUND, protected=(replace(CATALOG.protected[0], **changes),))


def of_nobody() -> Table:
    """A silver table whose source does not say whose its rows are."""
    silver = SOUND.table("silver.financials")
    bronze = silver.upstreams[0]
    assert bronze.source
    source = replace(bronze.source, entity="")
    return replace(silver, upstreams=(replace(bronze, source=source),))


READS_AGE = ((ATTRIBUTES, ("age",)),)
SIGNAL = "bronze.clickstream"
WRONG: dict[str, tuple[Callable[[], Declared], str]] = {
    # Features
    "input": (
        lambda: with_features(FINANCIALS, taking("anual_income", "num_bank_accounts")),
        "gold.features_financials: feature income_per_account takes anual_income; is it annual_income?",
    ),
    "far input": (
        lambda: with_features(FINANCIALS, taking("xyzzy")),
        "feature income_per_account takes xyzzy; silver.financials has customer_id, ",
    ),
    "input of itself": (
        lambda: with_features(FINANCIALS, taking("income_per_account")),
        "feature income_per_account takes income_per_account; ",
    ),
    "circle": (
        lambda: with_features(FINANCIALS, taking("b", name="a"), taking("a", name="b")),
        "gold.features_financials: feature a and feature b read each other in a circle; ",
    ),
    "no meaning": (
        lambda: with_field(FINANCIALS, "credit_mix", doc=" "),
        "gold.features_financials: feature credit_mix has no meaning; write a docstring",
    ),
    "unfilled meaning": (
        lambda: with_field("gold.features_clickstream", "fe_1_mean_3m", doc="Mean of {signal}."),
        "feature fe_1_mean_3m has {signal} in its meaning",
    ),
    "twice": (
        lambda: with_features(FINANCIALS, taking("annual_income", name="credit_mix")),
        "gold.features_financials: feature credit_mix is declared twice; rename one",
    ),
    "twice but for case": (
        lambda: with_features(FINANCIALS, taking("annual_income", name="Credit_Mix")),
        "feature credit_mix is declared twice",
    ),
    "name": (
        lambda: with_features(FINANCIALS, taking("annual_income", name="<lambda>")),
        "gold.features_financials: feature '<lambda>' has no plain name; ",
    ),
    "name with a blank": (
        lambda: with_features(FINANCIALS, taking("annual_income", name="two words")),
        "feature 'two words' has no plain name",
    ),
    "name of a key": (
        lambda: with_features(FINANCIALS, taking("annual_income", name="customer_id")),
        "gold.features_financials: column customer_id is declared twice",
    ),
    "name of the label": (
        lambda: with_features(FINANCIALS, taking("annual_income", name="label")),
        "feature label has the name of a column that training sets have besides features; rename it",
    ),
    "name of the loan": (
        lambda: with_features(FINANCIALS, taking("annual_income", name="Loan_ID")),
        "feature Loan_ID has the name of a column that training sets have",
    ),
    "name of a day": (
        lambda: with_features(FINANCIALS, taking("annual_income", name="financials_snapshot_date")),
        "feature financials_snapshot_date has the name of a column that training sets have",
    ),
    "name in two groups": (
        lambda: with_features(FINANCIALS, taking("annual_income", name="age")),
        "feature age is also one of gold.features_attributes; rename one",
    ),
    "type": (
        lambda: with_features(FINANCIALS, taking("annual_income", type_="DUOBLE")),
        "feature income_per_account has the type 'DUOBLE', which no table can have; is it DOUBLE?",
    ),
    "type of another database": (
        lambda: with_features(FINANCIALS, taking("annual_income", type_="NUMERIC(9,2)")),
        "has the type 'NUMERIC(9,2)', which no table can have; declare STRING, DATE, ",
    ),
    # Groups
    "no entity": (
        lambda: SOUND.with_table(FINANCIALS, entity=""),
        "gold.features_financials: feature group financials has no entity; declare the column",
    ),
    "no date": (
        lambda: SOUND.with_table(FINANCIALS, date=""),
        "gold.features_financials: feature group financials has no date; declare the column",
    ),
    "other key": (
        lambda: SOUND.with_table(FINANCIALS, keys=("customer_id", "snapshot_date", "credit_mix")),
        "feature group financials has the keys customer_id, snapshot_date, credit_mix; declare",
    ),
    "one name for two groups": (
        lambda: SOUND.with_table(FINANCIALS, group=FeatureGroup("attributes", 12)),
        "feature group attributes is declared twice; rename one",
    ),
    "age of a group": (
        lambda: SOUND.with_table(FINANCIALS, group=FeatureGroup("financials", 0)),
        "feature group financials declares max_age_months 0; declare 1 or more months",
    ),
    "look ahead": (
        lambda: SOUND.with_table(FINANCIALS, look_ahead_months=1),
        "gold.features_financials declares look_ahead_months 1: a feature would know the future",
    ),
    "group of nobody's source": (
        lambda: SOUND.with_table(FINANCIALS, upstreams=(of_nobody(),)),
        "gold.features_financials is about customer_id, and source financials declares no entity; no "
        "person could be erased from it",
    ),
    # Tables
    "two tables of a name": (
        lambda: replace(SOUND, tables=(*SOUND.tables, SOUND.table("gold.vintages"))),
        "table gold.vintages is declared twice",
    ),
    "table name": (
        lambda: SOUND.with_table("gold.vintages", name="a b"),
        "gold.a b has no plain name",
    ),
    "table doc": (
        lambda: SOUND.with_table("gold.vintages", doc=""),
        "gold.vintages has no meaning",
    ),
    "column doc": (
        lambda: with_field("silver.loan_daily", "tenure", doc=""),
        "silver.loan_daily: column tenure has no meaning",
    ),
    "upstream": (
        lambda: replace(
            SOUND, tables=tuple(t for t in SOUND.tables if t.full_name != "silver.loan_daily")
        ),
        "gold.label_store is computed from silver.loan_daily, which no module declares; ",
    ),
    "no upstreams": (
        lambda: SOUND.with_table("gold.vintages", upstreams=()),
        "gold.vintages is computed and has no upstreams; ",
    ),
    "key": (
        lambda: SOUND.with_table("gold.vintages", keys=("cohrt", "mob", "dpd_bound")),
        "gold.vintages: key 'cohrt' is none of its columns; is it cohort?",
    ),
    "entity that is no key of the source": (
        with_loans_keyed_without_their_customer,
        "silver.loan_daily lacks its entity Customer_ID; add it to the keys of source loan_daily",
    ),
    "no key": (lambda: SOUND.with_table("gold.vintages", keys=()), "gold.vintages has no keys"),
    "partition": (
        lambda: SOUND.with_table("bronze.quarantine", partition="sorce"),
        "bronze.quarantine: partition 'sorce' is none of its columns; is it source?",
    ),
    "look back without a month": (
        lambda: SOUND.with_table("gold.roll_rates", partition=None),
        "gold.roll_rates looks back over months and has no month; ",
    ),
    "months of an upstream": (
        lambda: SOUND.with_table("gold.vintages", upstreams=(SOUND.table("ledger.releases"),)),
        "gold.vintages reads months of ledger.releases, which has no month",
    ),
    "look back without a date": (
        lambda: SOUND.with_table(
            "silver.clickstream",
            look_back_months=1,
            upstreams=(replace(SOUND.table(SIGNAL), source=replace(CLICKS, date="")),),
        ),
        "silver.clickstream looks back over months, and no row above it has a date; ",
    ),
    "parameters of prepare": (
        lambda: with_prepare(FINANCIALS, lambda rows: rows),
        "gold.features_financials: prepare takes (rows) and gets 1 table and months",
    ),
    "look back column": (
        lambda: SOUND.with_table("gold.vintages", look_back_column="mobb"),
        "gold.vintages: look_back_column mobb is none of silver.loan_daily; is it mob?",
    ),
    "own code that reads decimal commas": (
        lambda: with_own_code_over_decimal_commas(),
        "gold.vintages reads the cells of source loan_daily by its own code, and they have a decimal comma; ",
    ),
    "negative look back": (
        lambda: SOUND.with_table("gold.vintages", look_back_months=-1),
        "gold.vintages declares look_back_months -1; declare 0 or more",
    ),
    "parameters": (
        lambda: SOUND.with_table("gold.features_clickstream", transform=lambda rows: rows),
        "gold.features_clickstream: its transformation takes (rows) and gets 1 table and months",
    ),
    "bounds": (
        lambda: with_field("silver.loan_daily", "tenure", bounds=Bounds(600, 0)),
        "silver.loan_daily: column tenure is bounded from 600 to 0, which no value is; exchange them",
    ),
    "bound that is no number": (
        lambda: with_field("silver.loan_daily", "tenure", bounds=Bounds(float("nan"), 0)),
        "column tenure is bounded from nan to 0, which no value is; give two numbers",
    ),
    "raw column": (
        lambda: SOUND.with_table("silver.attributes", raw_columns=(("age", "Aeg"),)),
        "silver.attributes: column age is read from Aeg; is it Age?",
    ),
    "silver rule": (
        lambda: SOUND.with_table("silver.financials", rules=(("annual_income", "salry > 3"),)),
        "silver.financials: the rule of annual_income names salry; ",
    ),
    "silver rule of a derived column": (
        lambda: SOUND.with_table("silver.loan_daily", rules=(("due_amt", "dpd > 3"),)),
        "silver.loan_daily: the rule of due_amt names dpd, which is computed after it; ",
    ),
    "silver rule of no column": (
        lambda: SOUND.with_table("silver.financials", rules=(("income", "annual_income > 3"),)),
        "silver.financials: rule of 'income' is none of its columns; ",
    ),
    "expectation": (
        lambda: SOUND.with_table("gold.vintages", expectations=(("some", "loanz > 0"),)),
        "gold.vintages: expectation some names loanz; is it loans?",
    ),
    "expectation without SQL": (
        lambda: SOUND.with_table("gold.vintages", expectations=(("some", "(loans > 0"),)),
        "gold.vintages: expectation some is no condition in SQL (a ( is not closed): (loans > 0",
    ),
    "expectations of a name": (
        lambda: SOUND.with_table(
            "gold.vintages", expectations=(("a", "bad > 0"), ("a", "bad > 1"))
        ),
        "gold.vintages: expectation a is declared twice",
    ),
    "unversioned": (
        lambda: SOUND.with_table("bronze.quarantine", unversioned=("_run",)),
        "bronze.quarantine: unversioned column '_run' is none of its columns; is it _run_id?",
    ),
    # Sources
    "source key": (
        lambda: with_source(SIGNAL, keys=("Customer_Id", "snapshot_date")),
        "source clickstream: key 'Customer_Id' is none of its columns; is it Customer_ID?",
    ),
    "source without keys": (lambda: with_source(SIGNAL, keys=()), "source clickstream has no keys"),
    "source date": (
        lambda: with_source(SIGNAL, date="snapshot"),
        "source clickstream: date 'snapshot' is none of its columns; is it snapshot_date?",
    ),
    "renamed column": (
        lambda: with_source(SIGNAL, renames=(("Kunde", "Customer_Id"),)),
        "source clickstream: renamed column 'Customer_Id' is none of its columns; is it Customer_ID?",
    ),
    "rename of its own column": (
        lambda: with_source(SIGNAL, renames=(("fe_1", "fe_2"),)),
        "source clickstream renames its own column fe_1 to fe_2; ",
    ),
    "renamed twice": (
        lambda: with_source(SIGNAL, renames=(("f", "fe_1"), ("f", "fe_2"))),
        "source clickstream renames f twice; ",
    ),
    "monthly without date": (
        lambda: with_source(SIGNAL, date="", monthly=True),
        "source clickstream is declared as monthly and has no date",
    ),
    "source entity": (
        lambda: with_source(SIGNAL, entity="cust"),
        "source clickstream declares the entity 'cust', which it lacks",
    ),
    "personal without entity": (
        lambda: with_source("bronze.attributes", entity=""),
        "source attributes has personal columns (Name, SSN) and declares no entity; ",
    ),
    "required": (
        lambda: with_source(SIGNAL, required=(*CLICKS.required, ("fe_99", "number"))),
        "source clickstream: required column 'fe_99' is none of its columns; is it ",
    ),
    "column of numbers": (
        lambda: with_source(SIGNAL, numbers=("fe_99",)),
        "source clickstream: column of numbers 'fe_99' is none of its columns; is it ",
    ),
    "kind of a cell": (
        lambda: with_source(SIGNAL, required=(*CLICKS.required, ("fe_1", "nubmer"))),
        "Source clickstream: required has ('fe_1', 'nubmer'), which is not a tuple of a text and 'text' or ",
    ),
    "key that is not required": (
        lambda: with_source(SIGNAL, required=(("snapshot_date", "date"),)),
        "source clickstream: key Customer_ID is not required, so a row could be without",
    ),
    "date that is not required": (
        lambda: with_source(SIGNAL, required=(("Customer_ID", "text"), ("snapshot_date", "text"))),
        "source clickstream: snapshot_date is not required as a date; ",
    ),
    "order": (
        lambda: with_source(SIGNAL, order=(("start", "snapshot_date"),)),
        "source clickstream: ordered date 'start' is none of its columns; ",
    ),
    "column twice": (
        lambda: with_source(SIGNAL, columns=(*CLICKS.columns, CLICKS.columns[0])),
        "source clickstream has column fe_1 twice",
    ),
    "raw doc": (
        lambda: with_source(SIGNAL, columns=(Field("fe_0", "STRING", ""), *CLICKS.columns)),
        "source clickstream: column fe_0 has no meaning",
    ),
    "source name": (
        lambda: with_source(SIGNAL, name="click stream"),
        "source 'click stream' has no plain name",
    ),
    "no files": (
        lambda: with_source(SIGNAL, file_names=()),
        "source clickstream has no file_names and no patterns",
    ),
    "one file for two": (
        lambda: with_source(SIGNAL, file_names=("LMS_loan_daily.csv",)),
        "sources clickstream and loan_daily both take lms_loan_daily.csv; leave it to one",
    ),
    "sources of a name": (
        lambda: with_source(SIGNAL, name="loan_daily"),
        "source loan_daily is declared twice",
    ),
    "owned by nobody": (
        lambda: with_source(SIGNAL, entity="", owned_by=OwnedBy("loan_dayly", "Customer_ID")),
        "source clickstream is owned_by loan_dayly, which no module declares; is it loan_daily?",
    ),
    "owned by what no column tells": (
        lambda: with_source(SIGNAL, entity="", owned_by=OwnedBy("loan_daily", "account")),
        "source clickstream is owned_by: column 'account' is none of its columns",
    ),
    "owned, and with an entity": (
        lambda: with_source(SIGNAL, owned_by=OwnedBy("loan_daily", "Customer_ID")),
        "source clickstream has the entity Customer_ID and is owned_by loan_daily; declare one of them",
    ),
    # Labels
    "loan of the labels": (
        lambda: with_loans(loan="loan"),
        "gold.label_store: labels declare loans.loan 'loan', which silver.loan_daily lacks; is it loan_",
    ),
    "dpd of the labels": (
        lambda: with_labels(dpd="days_late"),
        "gold.label_store: labels declare dpd 'days_late', which silver.loan_daily lacks; ",
    ),
    "label": (
        lambda: with_labels(label="lable"),
        "gold.label_store: labels declare label 'lable', which gold.label_store lacks; is it label?",
    ),
    "entity of the labels": (
        lambda: SOUND.with_table("gold.label_store", entity=""),
        "gold.label_store: the label store has no entity; declare its column",
    ),
    "key of the labels": (
        lambda: SOUND.with_table(
            "gold.label_store", keys=("customer_id", "loan_id", "snapshot_date")
        ),
        "gold.label_store: label_def is no key of the label store; ",
    ),
    "day on which a label is due": (
        lambda: with_labels(definitions=(BY_RULE,), due="ended_on"),
        "gold.label_store: labels declare due 'ended_on', which silver.loan_daily lacks; ",
    ),
    "labels by days and by a rule": (
        lambda: with_labels(definitions=(DEFINITION, BY_RULE)),
        "gold.label_store: label definition 30dpd asks for days past due, and others have a rule in words",
    ),
    "a look back that is shorter than a definition": (
        lambda: with_labels(definitions=(replace(DEFINITION, when="ever", mob=12),)),
        "gold.label_store: label definition 30dpd is over 12 months on book, and look_back_months is 9; ",
    ),
    "no definitions": (
        lambda: with_labels(definitions=()),
        "gold.label_store has no label definition",
    ),
    "definitions of a name": (
        lambda: with_labels(definitions=(DEFINITION, DEFINITION)),
        "gold.label_store: label definition 30dpd is declared twice",
    ),
    "meaning of a definition": (
        lambda: with_labels(definitions=(replace(DEFINITION, doc=""),)),
        "gold.label_store: label definition 30dpd has no meaning; ",
    ),
    "two label stores": (
        lambda: SOUND.with_table("gold.vintages", labels=CATALOG.labels),
        "gold.vintages and gold.label_store are both declared as the label store; ",
    ),
    # Exclusions and protected attributes
    "exclusions of a name": (
        lambda: with_exclusion(*CATALOG.exclusions, CATALOG.exclusions[0]),
        "exclusion no_income is declared twice",
    ),
    "table of an exclusion": (
        lambda: with_exclusion(Exclusion("young", "Young.", "age < 21", ((ATTRIBUTES[:-1], ()),))),
        "exclusion young reads gold.features_attribute, which no module declares; is it gold.feat",
    ),
    "column of an exclusion": (
        lambda: with_exclusion(
            Exclusion("young", "Young.", "agee < 1", ((ATTRIBUTES, ("agee",)),))
        ),
        "exclusion young reads gold.features_attributes.agee, which is not there; is it age",
    ),
    "condition of an exclusion": (
        lambda: with_exclusion(Exclusion("young", "Young.", "aeg < 21", READS_AGE)),
        "the condition of exclusion young names aeg; is it age?",
    ),
    "outcome of an exclusion": (
        lambda: with_exclusion(
            Exclusion("late", "Late.", "dpd > 3", (("silver.loan_daily", ("dpd",)),))
        ),
        "exclusion late reads silver.loan_daily.dpd, which no application may see; ",
    ),
    "loan before": (
        lambda: with_exclusion(Exclusion("soon", "Soon.", "previous_application_date IS NOT NULL")),
        "the condition of exclusion soon names previous_application_date; ",
    ),
    "reason of an exclusion": (
        lambda: with_exclusion(Exclusion("young", "", "age < 21", READS_AGE)),
        "exclusion young has no meaning; ",
    ),
    "protected feature": (
        lambda: with_protected(feature="agee", carried_by=("agee",)),
        "protected attribute age names the feature agee; is it age",
    ),
    "carried by": (
        lambda: with_protected(carried_by=("age", "age_decad")),
        "protected attribute age names the feature age_decad; is it age_decade",
    ),
    "not carried": (
        lambda: with_protected(carried_by=("age_decade",)),
        "protected attribute age forms groups by age, which it does not carry; ",
    ),
    "band": (lambda: with_protected(band=0), "protected attribute age has bands of 0"),
    "protected doc": (lambda: with_protected(doc=""), "protected attribute age has no meaning"),
    "protected twice": (
        lambda: replace(SOUND, protected=(*CATALOG.protected, CATALOG.protected[0])),
        "protected attribute age is declared twice",
    ),
}
CLICKS = CATALOG.table(SIGNAL).source
assert CLICKS
DEFINITION = LabelDefinition("30dpd", 30, 6, "Late.")
BY_RULE = LabelDefinition("unpaid", rule="not paid at the end", doc="Lost.")


@pytest.mark.parametrize(("made", "told"), WRONG.values(), ids=WRONG)
def test_a_wrong_declaration_is_told_with_its_place_and_a_remedy(
    made: Callable[[], Declared], told: str
) -> None:
    lines = made().told()
    assert [line for line in lines if told in line], lines
    assert all(
        "\n" not in line and (";" in line or "is it" in line or ":" in line) for line in lines
    )


# The law: whatever single name of a declaration is mistyped, a line names it.

TABLE_NAMES = [table.full_name for table in CATALOG.tables]
MISTYPED = st.sampled_from(("x{}", "{}_x", "{}q", "zz"))


def mistyped(draw: st.DrawFn, name: str) -> str:
    return draw(MISTYPED).format(name)


@st.composite
def one_place_wrong(draw: st.DrawFn) -> tuple[Declared, str]:
    """The declarations with one name mistyped, or one meaning or type taken away, and what must be told."""
    table = SOUND.table(draw(st.sampled_from(TABLE_NAMES)))
    kinds = ["key", "type"]
    kinds += ["doc"] if not table.source else ["required", "source date", "source key"]
    kinds += ["expectation"] if table.expectations else []
    kinds += ["rule"] if table.rules else []
    kinds += ["input"] if isinstance(table.transform, FeatureTransform) else []
    kinds += ["raw"] if table.raw_columns else []
    kind = draw(st.sampled_from(kinds))
    source = table.source
    if kind == "key":
        wrong = mistyped(draw, draw(st.sampled_from(table.keys)))
        return SOUND.having(replace(table, keys=(*table.keys[1:], wrong))), wrong
    if kind in ("type", "doc"):
        place = draw(st.integers(0, len(table.fields) - 1))
        change = (
            {"type": "STRNIG"}
            if kind == "type"
            else {"doc": draw(st.sampled_from(("", " ", "{}")))}
        )
        fields = [*table.fields]
        fields[place] = replace(fields[place], **change)
        return SOUND.having(replace(table, fields=tuple(fields))), fields[place].name
    if kind == "expectation":
        (name, sql), *rest = table.expectations
        column = draw(st.sampled_from([c for c in table.columns if c in sql.split()]))
        wrong = mistyped(draw, column)
        changed = ((name, sql.replace(column, wrong)), *rest)
        return SOUND.having(replace(table, expectations=changed)), wrong
    if kind == "rule":
        place = draw(st.integers(0, len(table.rules) - 1))
        column, sql = table.rules[place]
        rules = [*table.rules]
        rules[place] = (column, f"{sql} AND {mistyped(draw, column)} > 0")
        return SOUND.having(replace(table, rules=tuple(rules))), column
    if kind == "raw":
        place = draw(st.integers(0, len(table.raw_columns) - 1))
        pairs = [*table.raw_columns]
        wrong = mistyped(draw, pairs[place][1])
        pairs[place] = (pairs[place][0], wrong)
        return SOUND.having(replace(table, raw_columns=tuple(pairs))), wrong
    if kind == "input":
        transform = table.transform
        assert isinstance(transform, FeatureTransform)
        place = draw(st.integers(0, len(transform.features) - 1))
        features = [*transform.features]
        features[place] = replace(features[place], inputs=("zz_no_column",))
        # Only an engine knows the columns that `prepare` gives.
        changed = replace(transform, features=tuple(features), prepare=None)
        return SOUND.having(replace(table, transform=changed)), features[place].name
    assert source
    if kind == "required":
        wrong = mistyped(draw, source.required[0][0])
        source = replace(source, required=((wrong, "text"), *source.required[1:]))
    elif kind == "source date":
        wrong = mistyped(draw, source.date)
        source = replace(source, date=wrong)
    else:
        wrong = mistyped(draw, source.keys[0])
        source = replace(source, keys=(wrong, *source.keys[1:]))
    return SOUND.having(replace(table, source=source)), wrong


@given(one_place_wrong())
@settings(max_examples=200, deadline=None)
def test_one_wrong_place_is_refused_by_its_name(case: tuple[Declared, str]) -> None:
    declared, name = case
    assert any(name in line for line in declared.told()), name
    with pytest.raises(BadInput):
        check_declared([(t, "m") for t in declared.tables], declared.exclusions, declared.protected)


def test_of_many_faults_the_first_is_told_with_the_number_of_all() -> None:
    wrong = with_features(FINANCIALS, taking("a_", name="x"), taking("b_", name="y"))
    with pytest.raises(BadInput, match=r"feature x takes a_; .*\(the first of 2 faults\)$"):
        check_declared([(table, "m") for table in wrong.tables])


# Files of sources


def source_of(name: str, *patterns: str) -> Table:
    assert CLICKS
    source = replace(CLICKS, name=name, file_names=(f"{name}.csv",), patterns=patterns)
    return replace(SOUND.table(SIGNAL), name=name, source=source)


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        (
            "loans/**/*.csv",
            "loans/**/*.csv",
            ["sources a and b both take files like loans/**/*.csv; "],
        ),
        ("loans/**/*.csv", "**/*.csv", ["sources a and b both take files like loans/**/*.csv; "]),
        ("**/*.csv", "loans/*.csv", ["sources b and a both take files like loans/*.csv; "]),
        ("LOANS/*.csv", "loans/*.csv", ["sources a and b both take files like LOANS/*.csv; "]),
        ("loans/*.csv", "clicks/*.csv", []),
        ("loans_*.csv", "clicks_*.csv", []),
        # A name may be of both, but each has names of its own: the run refuses a file that is of two.
        ("loans_*.csv", "*_2024.csv", []),
    ],
)
def test_two_sources_do_not_take_the_same_files(one: str, other: str, told: list[str]) -> None:
    lines = [*faults([source_of("a", one), source_of("b", other)])]
    assert len(lines) == len(told)
    assert all(line.startswith(start) for line, start in zip(lines, told, strict=True))


# Types and SQL


def test_each_type_that_is_taken_is_one_that_a_table_can_have() -> None:
    kinds = [*TYPES, *(f"ARRAY<{t}>" for t in TYPES), *(f"MAP<STRING,{t}>" for t in TYPES)]
    fields = tuple(Field(f"c{n}", kind, "A column.") for n, kind in enumerate(kinds))
    table = Table("gold", "t", "A row.", ("c0",), fields, partition=None)
    assert [*faults([table])] == [] and len(schema(table).fields) == len(kinds)


@pytest.mark.parametrize(
    "kind", ["int", "DECIMAL(9,2)", "ARRAY<>", "MAP<STRING, INT>", "FLOAT", "", "ARRAY<ARRAY<INT>>"]
)
def test_a_type_that_no_table_can_have_is_refused(kind: str) -> None:
    table = Table("gold", "t", "A row.", ("c",), (Field("c", kind, "A column."),), partition=None)
    (line,) = faults([table])
    assert line.startswith(f"gold.t: column c has the type {kind!r}, which no table can have; ")


@pytest.mark.parametrize(
    "sql",
    [
        "a > 1 AND b IS NOT NULL",
        "A >= 0 OR `b` = 'c > d'",
        "size(filter(b, x -> x = 'a')) > 0",
        "exists(b, (x, i) -> x > i)",
        "a.c = 3 -- d",
        "a > 1e-6 /* d */",
        "CAST(a AS DECIMAL(9,2)) BETWEEN 1 AND 2",
        "a > DATE '2024-01-01' - INTERVAL 3 MONTHS",
        "extract(year FROM a) > 2000",
        "CASE WHEN a THEN true ELSE false END",
        "a = 'it''s' AND b = \"d\"",
        "trim(BOTH ' ' FROM a) RLIKE '^x$'",
        "timestampdiff(MINUTE, a, b) > 3",
        "a[0] = 1 AND b['key'] = 2",
    ],
)
def test_the_columns_of_a_condition_are_told_from_its_other_words(sql: str) -> None:
    assert [*condition_faults("rule", sql, ("a", "b"), "t")] == []


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("c > 1", "rule names c; t has a, b"),
        ("a > 1 AND `no such`", "rule names no such; t has a, b"),
        ("exists(b, x -> x = y)", "rule names y; t has a, b"),
        ("a > 'b", "rule is no condition in SQL (a ' is not closed): a > 'b"),
        ("a > 1)", "rule is no condition in SQL (a ) closes nothing): a > 1)"),
        ("a > 1; DROP TABLE t", "rule is no condition in SQL (; ends it): a > 1; DROP TABLE t"),
        (" ", "rule has no condition; write it in SQL over the columns of t"),
    ],
)
def test_a_condition_that_cannot_be_computed_is_told(sql: str, told: str) -> None:
    assert [*condition_faults("rule", sql, ("a", "b"), "t")] == [told]


# Faults about which Python itself says nothing


def test_a_feature_without_its_type_is_refused() -> None:
    with pytest.raises(BadInput, match=r'feature age has no type; .* @feature\("DOUBLE"\)'):

        @feature  # type: ignore[arg-type]
        def age(age: object) -> object:
            return age


def test_a_feature_that_is_defined_twice_in_its_module_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = '@feature("INT")\ndef {}(age):\n    """Age."""\n    return age\n\n\n'
    module = tmp_path / "twice_over.py"
    head = "from lakehouse.feature import feature\n\n\n"
    monkeypatch.syspath_prepend(tmp_path)
    for names, told in ((("older", "younger"), []), (("older", "older"), ["older"])):
        module.write_text(head + "".join(map(text.format, names)), encoding="utf-8")
        sys.modules.pop("twice_over", None)
        __import__("twice_over")
        refused = []
        try:
            check_declared([(SOUND.table(ATTRIBUTES), "twice_over"), *_above(ATTRIBUTES)])
        except BadInput as error:
            refused.append(str(error))
        assert [line for line in refused if "declared twice in twice_over" in line] == [
            f"gold.features_attributes: feature {name} is declared twice in twice_over; rename one"
            for name in told
        ]
    sys.modules.pop("twice_over", None)


def _above(name: str) -> Sequence[tuple[Table, str]]:
    silver = SOUND.table(name).upstreams[0]
    return [(silver, "m"), (silver.upstreams[0], "m")]


class Odd:
    """A value of no type that a declaration takes."""


def odd_values() -> list[tuple[object, str]]:
    """Every declaration of the shipped bank's kinds, with each of its values in turn."""
    table = CATALOG.table("gold.label_store")
    source = SOUND.table("bronze.attributes").source
    assert source and table.labels
    bounded = next(each for each in SOUND.table("silver.loan_daily").fields if each.bounds)
    group = SOUND.table(FINANCIALS).group
    declared = [
        *(table, source, bounded, bounded.bounds, group, table.labels, table.labels.own),
        *(table.labels.definitions[0], CATALOG.exclusions[0], CATALOG.protected[0]),
        next(each.number for each in source.columns if each.number),
    ]
    return [(each, field.name) for each in declared for field in fields(each)]  # type: ignore[arg-type]


@pytest.mark.parametrize(("declared", "name"), odd_values())
def test_a_value_of_another_type_is_told_by_its_name(declared: object, name: str) -> None:
    odd = copy.copy(declared)
    object.__setattr__(odd, name, Odd())
    (line,) = form_faults("here", odd)
    assert line.startswith(f"here: {name} is <") and "which is not " in line


def test_the_fault_of_a_part_is_told_with_the_part_and_nothing_else_is_asked() -> None:
    wrong = SOUND.with_table(FINANCIALS, keys="customer_id", group=FeatureGroup("f", None))  # type: ignore[arg-type]
    assert wrong.told() == [
        "gold.features_financials: keys is 'customer_id', which is not a tuple of texts; "
        "write ('customer_id',) with its comma",
        "gold.features_financials: FeatureGroup f: max_age_months is None, which is not a whole number; "
        "correct it",
    ]


@pytest.mark.parametrize("words", ["east", ("east", None), (1,)])
def test_words_of_a_choice_that_are_no_tuple_of_texts_are_refused(words: Any) -> None:
    with pytest.raises(BadInput, match=r"silver column branch is one of .* write \('Yes', 'No'\)"):
        choice("branch", words, "The branch.")


# A bank in a folder, one of its words changed

CORNER = Path(__file__).parent / "banks" / "corner"


def words_of_the_bank() -> list[tuple[str, int, int, int, str]]:
    """Each word and text in its declarations: file, line, columns, and what it is."""
    words = []
    for file in sorted(CORNER.glob("*/*.py")):
        for token in tokenize.generate_tokens(io.StringIO(file.read_text()).readline):
            is_word = token.type == tokenize.NAME and not keyword.iskeyword(token.string)
            is_text = token.type == tokenize.STRING and not token.string.startswith('"""')
            if is_word or is_text:
                place = f"{file.parent.name}/{file.name}"
                (line, begin), (_, end) = token.start, token.end
                words.append((place, line, begin, end, token.string))
    return words


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of a small bank; what it has imported is forgotten after the test."""
    before = [*sys.meta_path]
    folder = tmp_path_factory.mktemp("banks") / "corner"
    yield Path(shutil.copytree(CORNER, folder, ignore=shutil.ignore_patterns("__pycache__")))
    forget()
    sys.meta_path[:] = before


def forget() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "corner"]:
        del sys.modules[name]


def loaded(bank: Path) -> str:
    """The refusal of a bank; empty if it is sound."""
    forget()
    try:
        _ = load(bank).code
    except BadInput as refused:
        return str(refused)
    return ""


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@given(st.sampled_from(words_of_the_bank()), st.sampled_from(("x", "None", "7", '""')))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_word_of_a_bank_is_changed_it_loads_or_is_refused_in_one_line(
    bank: Path, word: tuple[str, int, int, int, str], other: str
) -> None:
    place, line, begin, end, was = word
    is_text = was[0] in "'\""
    new = other if other != "x" else f"{was[:-1]}x{was[-1]}" if is_text else f"{was}x"
    text = (bank / place).read_text()
    lines = text.splitlines(keepends=True)
    lines[line - 1] = lines[line - 1][:begin] + new + lines[line - 1][end:]
    (bank / place).write_text("".join(lines))
    try:
        assert "\n" not in loaded(bank)
    finally:
        (bank / place).write_text(text)
    assert loaded(bank) == ""


@pytest.mark.parametrize(
    ("place", "old", "new", "told"),
    [
        (
            "gold/features_people.py",
            "TABLE = Table(",
            "TABEL = Table(",
            "corner.gold.features_people makes gold.features_people and calls it TABEL; call it TABLE",
        ),
        (
            "gold/features_people.py",
            "FEATURES = declared_in(globals())",
            "FEATURES = TABLE = declared_in(globals())\nNONE",
            "corner.gold.features_people ",
        ),
        (
            "gold/features_people.py",
            "def turnover(turnover)",
            "def turnover(turnovr)",
            "gold.features_people: feature turnover takes turnovr; is it turnover?",
        ),
        (
            "bronze/people.py",
            'Field("turnover", "STRING"',
            'Field("turnover", "DOUBLE"',
            "source people: column turnover is declared as DOUBLE, and a raw cell is a text; ",
        ),
        (
            "bronze/people.py",
            'file_names=("people.csv",)',
            'file_names=("people.csv")',
            "bronze.people: Source people: file_names is 'people.csv', which is not a tuple of texts; "
            "write ('people.csv',) with its comma",
        ),
        (
            "gold/outcomes.py",
            "mob=3",
            "mob=-3",
            "gold.outcomes: label definition late_3 is 30 days past due at month on book -3; ",
        ),
    ],
)
def test_a_slip_in_a_bank_of_ones_own_is_told(
    bank: Path, place: str, old: str, new: str, told: str
) -> None:
    text = (bank / place).read_text()
    assert old in text
    (bank / place).write_text(text.replace(old, new))
    try:
        assert told in loaded(bank)
    finally:
        (bank / place).write_text(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("TABLE = missing\n", "NameError: name 'missing' is not defined"),
        ("TABLE = (\n", "SyntaxError: '(' was never closed"),
        (
            "from lakehouse.silver.people import TABLE\n",
            "No module named 'lakehouse.silver.people'",
        ),
        ("TABLE = 7\n", "lakehouse.gold.broken declares as TABLE a int, which is no table; "),
    ],
)
def test_a_module_of_the_shipped_bank_that_cannot_be_imported_is_one_line(
    text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import lakehouse.gold

    monkeypatch.setattr(lakehouse.gold, "__path__", [*lakehouse.gold.__path__, str(tmp_path)])
    (tmp_path / "broken.py").write_text(text)
    try:
        with pytest.raises(BadInput) as refused:
            load()
    finally:
        sys.modules.pop("lakehouse.gold.broken", None)
    assert told in str(refused.value) and "lakehouse.gold.broken" in str(refused.value)
    assert "\n" not in str(refused.value)


# At the command line


@pytest.mark.parametrize("command", [["run"], ["plan"], ["dictionary"], ["status"]])
def test_a_command_refuses_a_wrong_declaration_in_one_line(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wrong = with_features(FINANCIALS, taking("anual_income")).table(FINANCIALS)
    monkeypatch.setattr("lakehouse.gold.features_financials.TABLE", wrong)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()

    assert main(command) == 2

    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "feature income_per_account takes anual_income; is it annual_income?" in err
    assert [*tmp_path.iterdir()] == [tmp_path / "data"]


def test_declarations_are_checked_without_an_engine_and_without_a_parser() -> None:
    code = (
        "import sys; from lakehouse.catalog import load; load();"
        "print(*(m for m in ('pyspark', 'pyarrow', 'sqlglot', 'difflib') if m in sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []


def test_a_source_says_nothing_of_columns_it_has() -> None:
    assert isinstance(CLICKS, Source)
    assert with_source(SIGNAL, order=(("snapshot_date", "snapshot_date"),)).told() == []


def test_a_rule_of_silver_says_why_and_what_a_row_loses() -> None:
    with pytest.raises(BadInput, match="the rule of due_amt has no reason; write why"):
        Rule("due_amt", "due_amt > 1", "")
    transform = SOUND.table("silver.loan_daily").transform
    assert isinstance(transform, SilverTransform)
    odd = replace(transform.rules[0], loses="all")  # type: ignore[arg-type]
    wrong = SOUND.with_table("silver.loan_daily", transform=replace(transform, rules=(odd,)))
    assert wrong.told() == [
        "silver.loan_daily: Rule overdue_amt: loses is 'all', which is not 'value' or 'part' or 'nothing'; "
        "correct it"
    ]

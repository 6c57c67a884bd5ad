"""A bank whose three systems call the customer differently, with names and numbers in each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.bronze.personal_numbers import SSN
from lakehouse.bronze.raw import bronze_table
from lakehouse.catalog import Catalog, load
from lakehouse.cli import main
from lakehouse.table import MONTH_FIELD, Field, Source, Table

DATE = "seen_on"


def source(name: str, key: str, *more: str) -> Source:
    """A source of names and numbers whose rows are found by `key`."""
    return Source(
        name=name,
        file_names=(f"{name}.csv",),
        columns=(
            Field(key, "STRING", "Who."),
            Field("Full_Name", "STRING", "The name.", personal=True),
            Field("Tax_No", "STRING", "The number.", personal=True, number=SSN),
            *(Field(each, "STRING", "More.") for each in more),
            Field(DATE, "STRING", "When."),
        ),
        keys=(key, DATE),
        entity=key,
        date=DATE,
        required=((key, "text"), (DATE, "date")),
    )


CRM = bronze_table(source("crm", "cust_no", "Visits"), "A row of the customer register.")
DESK = bronze_table(source("desk", "BorrowerId"), "A row of the loan desk.")
TILL = bronze_table(source("till", "Customer ID"), "A row of the tills.")


def renamed(bronze: Table, key: str, name: str) -> Table:
    """A silver table that calls the key `key`, and says so only by `raw_columns`."""
    (raw,) = (each for each in bronze.keys if each != DATE)

    def transform(rows: DataFrame) -> DataFrame:
        return rows.select(F.col(f"`{raw}`").alias(key), DATE, MONTH_FIELD.name)

    return Table(
        layer="silver",
        name=name,
        doc="Who was seen when.",
        keys=(key, DATE),
        fields=(Field(key, "STRING", "Who."), Field(DATE, "DATE", "When."), MONTH_FIELD),
        upstreams=(bronze,),
        transform=transform,
        raw_columns=((key, raw),),
    )


SEEN = renamed(CRM, "person", "seen")
ASKED = renamed(DESK, "borrowerid", "asked")


def _of_each(seen: DataFrame) -> DataFrame:
    return seen.select("person", DATE, F.lit(1).alias("was_seen"), MONTH_FIELD.name)


FEATURES = Table(
    layer="gold",
    name="seen",
    doc="Whether somebody was seen.",
    keys=("person", DATE),
    fields=(
        Field("person", "STRING", "Who."),
        Field(DATE, "DATE", "When."),
        Field("was_seen", "INT", "1."),
        MONTH_FIELD,
    ),
    upstreams=(SEEN,),
    transform=_of_each,
)
OURS = (CRM, DESK, TILL, SEEN, ASKED, FEATURES)


def catalog(*tables: Table) -> Catalog:
    """These tables, by default those of the bank, beside the quarantine and the ledger."""
    kept = [(t, m) for t, m in load().modules if t.is_ledger or t.name == "quarantine"]
    named = [(table, f"tests.upkeep.{table.layer}_{table.name}") for table in tables or OURS]
    return Catalog((*kept, *named))


def without_entity(table: Table) -> Table:
    """The table of a source that does not say whose its rows are."""
    assert table.source
    return replace(table, entity="", source=replace(table.source, entity=""))


def deliver(data: Path, table: Table, *rows: str) -> None:
    """Write the raw file of a source."""
    assert table.source
    data.mkdir(exist_ok=True)
    lines = [",".join(table.source.header), *rows]
    (data / table.source.file_names[0]).write_text("\n".join(lines) + "\n", encoding="utf-8")


def command(root: Path, *words: str, given: Catalog | None = None) -> int:
    """The exit code of a command on the bank's folders."""
    places = ["--data", str(root / "data"), "--datamart", str(root / "datamart")]
    return main([*words, *places], given or catalog())


def on(root: Path, *words: str) -> int:
    """The same, of the bank that has only the customer register."""
    return command(root, *words, given=catalog(CRM, SEEN))

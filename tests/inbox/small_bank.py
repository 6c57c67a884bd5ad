"""A bank of one or two small sources, so that a run with real tables takes parts of a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.bronze.raw import bronze_table
from lakehouse.catalog import Catalog, load
from lakehouse.table import MONTH_FIELD, Field, Source, Table

VISITS = Source(
    name="visits",
    file_names=("visits.csv",),
    columns=(
        Field("customer", "STRING", "Who."),
        Field("amount", "STRING", "How much."),
        Field("day", "STRING", "When."),
    ),
    keys=("customer", "day"),
    entity="customer",
    date="day",
    required=(("customer", "text"), ("day", "date"), ("amount", "number")),
)
FEES = replace(VISITS, name="fees", file_names=("fees.csv",), delivery="rows")


def _typed(rows: DataFrame) -> DataFrame:
    amount = F.col("amount").cast("double").alias("amount")
    return rows.select(F.col("customer"), "day", amount, "month")


def _sums(rows: DataFrame, months: Sequence[str] | None = None) -> DataFrame:
    """Each row, and the sum of the customer's amounts of its month and the two before."""
    ages = F.explode(F.array(*[F.lit(age) for age in range(3)]))
    reach = rows.select("customer", "month", "amount", ages.alias("age"))
    first = F.to_date(F.concat("month", F.lit("-01")))
    told = reach.select("customer", F.add_months(first, F.col("age")).alias("first"), "amount")
    sums = told.groupBy("customer", "first").agg(F.sum("amount").alias("amount_3m"))
    own = rows.select("customer", "day", "month", first.alias("first"))
    return own.join(sums, ["customer", "first"]).select("customer", "day", "amount_3m", "month")


_KEY = (Field("customer", "STRING", "Who."), Field("day", "DATE", "When."))


def _tables_of(source: Source) -> tuple[Table, ...]:
    bronze = bronze_table(source, "A delivered row.")
    silver = Table(
        layer="silver",
        name=source.name,
        doc="The same row, typed.",
        keys=("customer", "day"),
        fields=(*_KEY, Field("amount", "DOUBLE", "How much."), MONTH_FIELD),
        upstreams=(bronze,),
        transform=_typed,
        entity="customer",
        date="day",
    )
    gold = Table(
        layer="gold",
        name=f"sums_of_{source.name}",
        doc="Amounts of three months.",
        keys=("customer", "day"),
        fields=(*_KEY, Field("amount_3m", "DOUBLE", "Sum of three months."), MONTH_FIELD),
        upstreams=(silver,),
        transform=_sums,
        look_back_months=2,
        entity="customer",
        date="day",
    )
    return bronze, silver, gold


def bank_of(*sources: Source) -> Catalog:
    """The tables of these sources, those that every bank has, and the ledger."""
    shared = [
        (table, module)
        for table, module in load().modules
        if table.is_ledger or (table.layer == "bronze" and not table.source)
    ]
    own = [
        (table, f"lakehouse.tests.{table.layer}_{table.name}")
        for layer in zip(*map(_tables_of, sources), strict=True)
        for table in layer
    ]
    return Catalog((*own, *shared))

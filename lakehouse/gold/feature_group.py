"""The common form of feature groups: a customer's features as of snapshot_date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.errors import BadInput
from lakehouse.feature import Feature, FeatureTransform, Prepare
from lakehouse.gold.over_days import months_back
from lakehouse.nearest import meant
from lakehouse.table import MONTH_FIELD, FeatureGroup, Field, Table

if TYPE_CHECKING:
    from pyspark.sql import Column

ENTITY = Field("customer_id", "STRING", "The customer.")
DATE = Field("snapshot_date", "DATE", "The day as of which the features are known.")
KEY_FIELDS = (ENTITY, DATE)
KEYS = tuple(field.name for field in KEY_FIELDS)


def feature_group(
    name: str,
    doc: str,
    silver: Table,
    features: Sequence[Feature],
    max_age_months: int,
    delay_days: int = 0,
    prepare: Prepare | None = None,
    look_back_months: int = 0,
    expectations: Sequence[tuple[str, str]] = (),
    joined: Sequence[Table] = (),
    entity: str = "",
    date: str = "",
    look_back_days: int = 0,
) -> Table:
    """The gold table of features that are computed from a silver table, and have its entity and date.

    `prepare` adds the columns that the features need. It takes the silver rows, those of each `joined`
    table, and the months whose features are wanted (None: all months). `entity` and `date` are columns
    that it gives, where they are not those of the silver table: a disposition tells the client of an account.
    `look_back_days` is a look back in days: the months in which such a day may be are read.
    BadInput if the silver table has no entity or date, if no table has the `entity` that is given, and if
    tables are joined without `prepare`.
    """
    tables = (silver, *joined)
    if joined and prepare is None:
        raise BadInput(
            f"feature group {name} joins {joined[0].full_name} without prepare, which would join them; "
            "give a function of the rows of each table and the months"
        )
    key_fields = _key_fields(name, tables, entity, date)
    keys = tuple(field.name for field in key_fields)
    look_back = max(look_back_months, months_back(look_back_days))
    transform = FeatureTransform((*keys, MONTH_FIELD.name), tuple(features), prepare, look_back)
    return Table(
        layer="gold",
        name=f"features_{name}",
        doc=doc,
        keys=keys,
        fields=(*key_fields, *(feature.field for feature in features), MONTH_FIELD),
        upstreams=tables,
        transform=transform,
        look_back_months=look_back,
        expectations=tuple(expectations),
        entity=keys[0],
        date=keys[1],
        group=FeatureGroup(name, max_age_months, delay_days),
        own_days=bool(date or entity),
    )


def _key_fields(name: str, tables: Sequence[Table], entity: str, date: str) -> tuple[Field, Field]:
    silver = tables[0]
    own = {field.name: field.type for field in silver.fields}
    for what, given, column in (("entity", entity, silver.entity), ("date", date, silver.date)):
        if not given and column not in own:
            raise BadInput(
                f"feature group {name} reads {silver.full_name}, {_lacking(silver, what, column)}"
            )
    types = {field.name: field.type for table in reversed(tables) for field in table.fields}
    if entity and entity not in types:
        near = meant(entity, types)
        remedy = f"is it {near}?" if near else "join the table that has it"
        raise BadInput(
            f"feature group {name} has the entity {entity}, which none of its tables has; {remedy}"
        )
    of_entity, of_day = entity or silver.entity, date or silver.date
    return (
        replace(ENTITY, name=of_entity, type=types[of_entity]),
        # Days that are asked for need not be a column of any table.
        replace(DATE, name=of_day, type=types.get(of_day, "DATE")),
    )


def _lacking(silver: Table, what: str, column: str) -> str:
    """Words for a silver table that has no entity or date, or not the column that its source names."""
    if not column:
        return f"which has no {what}; declare there the column that is its {what}"
    near = meant(column, silver.columns)
    hint = f"is it {near}?" if near else "it is to be one of the keys"
    return f"whose {what} is declared as {column}, which is not there; {hint}"


def passed_on(field: Field) -> Feature:
    """The feature that is a silver column without any change."""
    return Feature(field.name, field.type, field.doc, (field.name,), lambda column: column)


def ratio(part: Column, whole: Column) -> Column:
    """part / whole, NULL if the whole is not above 0."""
    return part.cast("double") / F.when(whole > 0, whole.cast("double"))

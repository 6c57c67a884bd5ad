"""The common form of feature groups: a customer's features as of snapshot_date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.errors import BadInput
from lakehouse.feature import Feature, FeatureTransform, Prepare
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
) -> Table:
    """The gold table of features that are computed from one silver table, and have its entity and date.

    `prepare` adds the columns that the features need. It takes the silver rows and the months whose
    features are wanted (None: all months). BadInput if the silver table has no entity or date.
    """
    key_fields = _key_fields(name, silver)
    keys = tuple(field.name for field in key_fields)
    return Table(
        layer="gold",
        name=f"features_{name}",
        doc=doc,
        keys=keys,
        fields=(*key_fields, *(feature.field for feature in features), MONTH_FIELD),
        upstreams=(silver,),
        transform=FeatureTransform((*keys, MONTH_FIELD.name), tuple(features), prepare),
        look_back_months=look_back_months,
        expectations=tuple(expectations),
        entity=silver.entity,
        date=silver.date,
        group=FeatureGroup(name, max_age_months, delay_days),
    )


def _key_fields(name: str, silver: Table) -> tuple[Field, Field]:
    types = {field.name: field.type for field in silver.fields}
    for what, column in (("entity", silver.entity), ("date", silver.date)):
        if column not in types:
            raise BadInput(
                f"feature group {name} reads {silver.full_name}, which has no {what}; declare there the "
                f"column that is its {what}"
            )
    return (
        replace(ENTITY, name=silver.entity, type=types[silver.entity]),
        replace(DATE, name=silver.date, type=types[silver.date]),
    )


def passed_on(field: Field) -> Feature:
    """The feature that is a silver column without any change."""
    return Feature(field.name, field.type, field.doc, (field.name,), lambda column: column)


def ratio(part: Column, whole: Column) -> Column:
    """part / whole, NULL if the whole is not above 0."""
    return part.cast("double") / F.when(whole > 0, whole.cast("double"))

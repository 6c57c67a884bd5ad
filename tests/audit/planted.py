"""Feature groups that leak, and clean twins of them, in a small catalog around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pyspark.sql import Column, DataFrame

from lakehouse.catalog import Catalog, load
from lakehouse.table import MONTH_FIELD, FeatureGroup, Field, Table

_KEY_TYPES = {"customer_id": "STRING", "loan_id": "STRING", "snapshot_date": "DATE"}
_KEPT = ("clickstream", "loan_daily", "quarantine", "label_store")


def group(name: str, upstream: Table, **features: Callable[[], Column]) -> Table:
    """A feature group of one silver table, each feature a whole number."""
    keys = tuple(key for key in _KEY_TYPES if key in upstream.keys)

    def transform(rows: DataFrame, months: Sequence[str] | None = None) -> DataFrame:
        values = (value().cast("bigint").alias(name) for name, value in features.items())
        return rows.select(*keys, MONTH_FIELD.name, *values)

    return Table(
        layer="gold",
        name=f"features_{name}",
        doc="Planted features.",
        keys=keys,
        fields=(
            *(Field(key, _KEY_TYPES[key], "A key.") for key in keys),
            *(Field(feature, "BIGINT", "A planted feature.") for feature in features),
            MONTH_FIELD,
        ),
        upstreams=(upstream,),
        transform=transform,
        look_back_months=24,
        entity="customer_id",
        date="snapshot_date",
        group=FeatureGroup(name, max_age_months=3),
    )


def catalog_with(*groups: Table) -> Catalog:
    """The declared tables of clicks and loans, and these feature groups in place of the declared ones."""
    kept = [
        (table, module)
        for table, module in load().modules
        if table.layer == "ledger" or table.name in _KEPT
    ]
    planted = ((table, f"lakehouse.tests.{table.name}") for table in groups)
    return Catalog((*kept, *planted))

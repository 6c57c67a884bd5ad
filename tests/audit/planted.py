"""Feature groups that leak, and clean twins of them, in a small catalog around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame

from lakehouse.catalog import Catalog, load
from lakehouse.model.features import prepared
from lakehouse.table import MONTH, MONTH_FIELD, FeatureGroup, Field, Table

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


def dated(planted: Table, day: str, month: str = MONTH) -> Table:
    """The feature group with other dates: both are SQL over the columns of its upstream."""
    own = planted.transform
    assert own is not None

    def transform(rows: DataFrame, months: Sequence[str] | None = None) -> DataFrame:
        # Both are taken of the rows as they were.
        named = rows.selectExpr("*", f"{day} AS _day", f"{month} AS _month")
        moved = named.drop("snapshot_date", MONTH)
        return own(moved.withColumnsRenamed({"_day": "snapshot_date", "_month": MONTH}), months)

    return replace(planted, transform=transform)


def catalog_with(*groups: Table) -> Catalog:
    """The declared tables of clicks and loans, and these feature groups in place of the declared ones."""
    kept = [
        (table, module)
        for table, module in load().modules
        if table.layer == "ledger" or table.name in _KEPT
    ]
    planted = ((table, f"lakehouse.tests.{table.name}") for table in groups)
    return Catalog((*kept, *planted))


def labelled_loans(
    loans: int, features: int = 3, random: np.random.Generator | None = None
) -> pd.DataFrame:
    """Loans of twelve months; feature x0 tells a little of the label, the others nothing."""
    random = random or np.random.default_rng(11)
    number = np.arange(loans)
    label = random.random(loans) < 0.3
    values = random.normal(size=(loans, features))
    values[:, 0] -= 0.8 * label
    frame = pd.DataFrame(values, columns=[f"x{n}" for n in range(features)]).assign(
        loan_id=[f"L{n:05d}" for n in number],
        customer_id=[f"C{n:05d}" for n in number],
        application_date=pd.Timestamp("2023-01-01") + pd.to_timedelta(number % 12 * 31, "D"),
        label=label.astype("int64"),
    )
    return prepared(frame)

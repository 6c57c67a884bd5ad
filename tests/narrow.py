"""The declared catalog, with only the click features of two signals and of the sum of all.

How runs take, recompute and publish tables does not depend on how many columns are written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from pyspark.sql import DataFrame

from lakehouse.catalog import Catalog, load
from lakehouse.feature import columns
from lakehouse.gold import features_clickstream as clicks
from lakehouse.gold.feature_group import KEYS
from lakehouse.table import MONTH_FIELD

_OF_OTHERS = re.compile(r"fe_(?![12](_|$))")


def _transform(rows: DataFrame, months: Sequence[str] | None = None) -> DataFrame:
    kept = [feature for feature in clicks.FEATURES if not _OF_OTHERS.match(feature.name)]
    return clicks.windows(rows, months).select(*KEYS, MONTH_FIELD.name, *columns(kept))


def narrow() -> Catalog:
    """Every declared table under its own name and code, that of the clicks' features narrowed."""
    fields = [field for field in clicks.TABLE.fields if not _OF_OTHERS.match(field.name)]
    narrowed = replace(clicks.TABLE, fields=tuple(fields), transform=_transform)
    return Catalog(
        tuple(
            (narrowed if table == clicks.TABLE else table, module)
            for table, module in load().modules
        )
    )

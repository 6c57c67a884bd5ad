"""The declared catalog with the clicks' features of two signals and of their sum alone.

Of a run on a small delivery, planning the windows of all 20 signals takes most; how runs take,
recompute and publish tables does not depend on how many there are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from pyspark.sql import DataFrame

from lakehouse.catalog import Catalog, load
from lakehouse.feature import columns
from lakehouse.gold import features_clickstream as clicks
from lakehouse.gold.feature_group import KEYS
from lakehouse.table import MONTH_FIELD

_MEASURED = ("fe_1", "fe_2", clicks.ACTIVITY)
_OF_OTHERS = re.compile(r"fe_(?![12](_|$))")


def _transform(rows: DataFrame, months: Sequence[str] | None = None) -> DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clicks, "_MEASURED", _MEASURED)
        windows = clicks.windows(rows, months)
    kept = [feature for feature in clicks.FEATURES if not _OF_OTHERS.match(feature.name)]
    return windows.select(*KEYS, MONTH_FIELD.name, *columns(kept))


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

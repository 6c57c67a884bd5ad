"""The loans that are loaded into this process: all of them, up to a fixed number."""

from __future__ import annotations

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.training_columns import LOAN

# 214 features of this many loans take less than 1 GB.
SAMPLE_LOANS = 100_000


def sampled(training_set: DataFrame, limit: int = SAMPLE_LOANS) -> pd.DataFrame:
    """At most `limit` loans, always the same ones: those with the lowest hash of loan_id."""
    return training_set.orderBy(F.md5(LOAN)).limit(limit).toPandas()

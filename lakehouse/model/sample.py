"""The loans that come into this process: all of them, up to a bound that no amount of data exceeds."""

from __future__ import annotations

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

# 214 features of as many loans are under 1 GB.
SAMPLE_LOANS = 100_000


def sampled(training_set: DataFrame, limit: int = SAMPLE_LOANS) -> pd.DataFrame:
    """At most `limit` loans, always the same ones: those of the lowest hash of loan_id."""
    return training_set.orderBy(F.md5("loan_id")).limit(limit).toPandas()

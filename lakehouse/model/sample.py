"""The loans that are loaded into this process: all of them, up to a fixed number."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.training_columns import LOAN

# 214 features of this many loans take less than 1 GB.
SAMPLE_LOANS = 100_000


def sampled(training_set: DataFrame, limit: int = SAMPLE_LOANS) -> pd.DataFrame:
    """At most `limit` loans, always the same ones: those with the lowest hash of loan_id."""
    return training_set.orderBy(F.md5(LOAN)).limit(limit).toPandas()


def sample_of(path: Path, limit: int = SAMPLE_LOANS) -> pd.DataFrame:
    """At most `limit` rows of a Parquet file, evenly spread over it."""
    with pq.ParquetFile(path) as file:
        step = max(-(-file.metadata.num_rows // limit), 1)
        taken, begin = [], 0
        for batch in file.iter_batches():
            # The first row of this batch whose number is a multiple of the step.
            first = -begin % step
            taken.append(batch.take(pa.array(range(first, batch.num_rows, step), pa.int64())))
            begin += batch.num_rows
        rows: pd.DataFrame = pa.Table.from_batches(taken, file.schema_arrow).to_pandas()
    return rows

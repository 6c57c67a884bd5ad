"""The content of a training set's file beside the hash that was written into it."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from lakehouse.audit.finding import Check, Finding
from lakehouse.training.content_hash import ContentHash
from lakehouse.training_columns import LABEL_OBSERVED

# The column of a set that says how its user splits it.
SPLIT = "split"
_HASH = b"lakehouse.content_hash"


def content_check(path: Path) -> Check:
    """Check that no program changed a cell of the file and left in it what it says of its origin."""
    with pq.ParquetFile(path) as file:
        told = (file.metadata.metadata or {}).get(_HASH)
        rows = file.metadata.num_rows
        hashes = _hashes(file) if told else ()
    changed = told is not None and told.decode() not in hashes
    return Check(
        name="content of the file",
        proves="The rows are those that training-set wrote, in the release that the file names.",
        looked_at=f"{rows:,} rows and the hash in the file"
        if told
        else "nothing: another program wrote the file, so it has no hash",
        findings=(Finding(path.name, _CHANGED),) if changed else (),
    )


_CHANGED = (
    "its rows have another hash than the one in it: a program changed them, and kept what the file says "
    "of release and parameters; build the set again"
)


def _hashes(file: pq.ParquetFile) -> tuple[str, str]:
    """The hash of the rows, and that of a set from before there was `label_observed`.

    A column that says how the set is split is its user's.
    """
    digest = ContentHash(file.schema_arrow)
    for batch in file.iter_batches():
        digest.update(batch)
    return digest.hexdigest(without=(SPLIT,)), digest.hexdigest(without=(SPLIT, LABEL_OBSERVED))

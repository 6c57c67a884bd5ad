"""A full disk is known by whatever an engine says of it."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from deltalake.exceptions import DeltaError
from pyspark.errors import PySparkException

from lakehouse.catalog import load
from lakehouse.errors import LakehouseError
from lakehouse.run.failures import explained, is_disk_full
from lakehouse.storage.datamart import Datamart


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        DeltaError("Generic LocalFileSystem error: ... No space left on device (os error 28)"),
        RuntimeError("IO Error: Could not write file: No space left on device"),
    ],
)
def test_a_full_disk_is_known_also_as_the_cause_of_another_error(error: Exception) -> None:
    assert is_disk_full(error)
    outer = LakehouseError("could not merge")
    outer.__cause__ = error
    assert is_disk_full(outer)


@pytest.mark.parametrize("error", [None, OSError(errno.EACCES, "denied"), DeltaError("no table")])
def test_other_errors_are_no_full_disk(error: Exception | None) -> None:
    assert not is_disk_full(error)


@pytest.mark.parametrize(
    "said",
    [
        "Generic S3 error: Error performing GET http://... in 3.9s",
        "Server returned non-2xx status code: 503 Service Unavailable: ",
    ],
)
def test_an_engine_that_does_not_reach_a_store_says_so(tmp_path: Path, said: str) -> None:
    datamart = Datamart.at(tmp_path / "datamart", load())
    table = datamart.catalog.label_store
    line = "gold.label_store: the object store.* cannot be reached"
    with pytest.raises(LakehouseError, match=line), explained(datamart, table):
        raise PySparkException(said)

"""A datamart for Python: what a lake answers, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lakehouse import Lakehouse
from lakehouse.engine.job import Report
from lakehouse.errors import BadInput


def test_a_release_refuses_a_table_that_came_later(
    run_job: Callable[..., Report], tmp_path: Path
) -> None:
    run_job()
    lake = Lakehouse(tmp_path / "datamart", engine="embedded").at(release=1)
    assert lake.table("gold.label_store").count() > 0
    assert lake.table("ledger.releases").count() == 1
    del lake._pinned["gold.label_store"]
    with pytest.raises(BadInput, match=r"release 1 has no table gold\.label_store"):
        lake.table("gold.label_store")


def test_a_release_that_is_not_there_is_refused(
    run_job: Callable[..., Report], tmp_path: Path
) -> None:
    run_job()
    with pytest.raises(BadInput, match="no release 9"):
        Lakehouse(tmp_path / "datamart", engine="embedded").at(release=9)

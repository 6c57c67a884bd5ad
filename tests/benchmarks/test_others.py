"""The pipelines that we compare with give our gold, at once or a month later; else `agree` says so."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from deltalake import DeltaTable

from benchmarks.others.agree import unlike
from benchmarks.run import PIPELINES
from lakehouse.months import MonthRange
from lakehouse.run.job import Report
from lakehouse.run.plan import Request

Run = Callable[..., Report]


def other(name: str, data: Path, out: Path, through: str) -> None:
    # The embedded engine of these tests has said for all processes below that Spark is Connect.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("SPARK_")}
    command = PIPELINES[name](data, out, through)
    subprocess.run(command, check=True, capture_output=True, env=alone)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["duckdb", "polars"])
def test_gold_of_another_is_ours_and_a_changed_cell_is_found(
    name: str, data: Path, tmp_path: Path, run_job: Run
) -> None:
    ours, theirs = tmp_path / "datamart/gold", tmp_path / "theirs"
    run_job()
    for through in ("2023-06", "2025-12", "2025-12"):
        other(name, data, theirs, through)
    labels = DeltaTable(theirs / "label_store")
    assert labels.version() == 1, "nothing is written where no month is new"
    assert unlike(ours, theirs) == []

    one = "month = '2023-09' AND label_def = '30dpd_6mob'"
    labels.update(updates={"label": "1 - label"}, predicate=one)
    [line] = unlike(ours, theirs)
    assert line.startswith("label_store: column label differs in ")


@pytest.mark.slow
@pytest.mark.spark
def test_gold_of_the_month_loop_is_ours(data: Path, tmp_path: Path, run_job: Run) -> None:
    run_job(request=Request(MonthRange(last="2023-04")))
    other("loop", data, tmp_path / "loop", "2023-04")
    assert unlike(tmp_path / "datamart/gold", tmp_path / "loop/gold") == []

"""An order of dates that somebody said once is not asked for again, whatever a repair has lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from lakehouse.errors import BadInput
from lakehouse.run.job import Report
from lakehouse.run.plan import Request
from lakehouse.run.run import run
from tests.conftest import job

ATTRIBUTES = "features_attributes.csv"
REPAIR = Request(repair=True)
Run = Callable[..., Report]


@pytest.fixture(scope="module")
def told(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `datamart` and its `data`; not to be changed."""
    root = tmp_path_factory.mktemp("told")
    data = Path(shutil.copytree(generated, root / "data"))
    rows = pd.read_csv(data / ATTRIBUTES, dtype=str, keep_default_na=False)
    rows[rows.snapshot_date == "2023-02-01"].assign(snapshot_date="2/1/2023").to_csv(
        data / ATTRIBUTES, index=False
    )
    with pytest.raises(BadInput, match="--date-order"):
        run(job(data, root / "datamart"))
    run(job(data, root / "datamart", request=Request(date_order="mdy")))
    return root


@pytest.fixture
def datamart(told: Path, data: Path, tmp_path: Path) -> Path:
    """One whose persons come in a file of one month; only --date-order told the order of its dates."""
    shutil.copy(told / "data" / ATTRIBUTES, data)
    return Path(shutil.copytree(told / "datamart", tmp_path / "datamart"))


@pytest.mark.parametrize("lost", ["bronze/attributes/_delta_log", "ledger/releases"])
def test_a_repair_takes_the_order_that_was_said_for_the_same_bytes(
    datamart: Path, data: Path, run_job: Run, lost: str
) -> None:
    shutil.rmtree(datamart / lost)
    assert run_job(request=REPAIR).release
    assert run_job().tables == {}


def test_another_file_is_asked_about(datamart: Path, data: Path, run_job: Run) -> None:
    shutil.rmtree(datamart / "bronze/attributes")
    with (data / ATTRIBUTES).open("a") as file:
        file.write("\n")
    with pytest.raises(BadInput, match="--date-order"):
        run_job(request=REPAIR)

"""A month whose only person is erased has a file without rows, and does not count any more."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from lakehouse.errors import BadInput
from lakehouse.lake import Lakehouse
from lakehouse.releases import published
from lakehouse.releases.inspect import status
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from tests.upkeep.other_bank import CRM, SEEN, catalog, deliver, on

PERSON = "B-17"
OTHERS = tuple(f"B-{n},Somebody,223-45-67{n},1,2023-01-05" for n in (20, 21, 22))
ALONE = f"{PERSON},Somebody,123-45-6789,1,2023-03-05"
BROKEN = "B-23,Somebody,223-45-6723,1,no day"
QUARANTINE = catalog().table("bronze.quarantine")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """January of three others; then March, in which only the person has a row."""
    root = tmp_path_factory.mktemp("ghosts")
    for rows in (OTHERS, (*OTHERS, BROKEN, ALONE)):
        deliver(root / "data", CRM, *rows)
        assert on(root, "run", "--max-bad", "0.5") == 0
    assert on(root, "erase", "--customer", PERSON, "--yes") == 0
    return root


@pytest.fixture
def root(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "bank"))


def log(root: Path) -> Log:
    return Log(str(root / "datamart"))


def people(root: Path) -> set[str]:
    return {row["cust_no"] for row in log(root).read(CRM)}


def quarantined(root: Path) -> dict[str, Any]:
    (row,) = log(root).read(QUARANTINE)
    return row


def test_months_come_from_rows(root: Path) -> None:
    assert list((root / "datamart/bronze/crm").glob("month=2023-03/*.parquet"))
    assert log(root).rows_by_month(CRM) == {"2023-01": 3}
    assert log(root).months_taken(CRM) == {"2023-01", "2023-03"}
    told = status(Datamart.at(root / "datamart", catalog(CRM, SEEN)))
    assert {each.months for each in told if each.table == CRM.full_name} == {"2023-01"}


def test_a_release_goes_through_the_last_month_with_a_row(root: Path) -> None:
    assert [each.through for each in published.releases(log(root))] == ["2023-01", "2023-01"]
    assert published.at_month(log(root), "2023-02").number == 2
    with pytest.raises(BadInput, match="the first knew data up to 2023-01"):
        Lakehouse(root / "datamart").at(month="2022-12")


def test_a_mended_row_leaves_the_quarantine(root: Path) -> None:
    assert quarantined(root)["mended_run_id"] is None
    deliver(root / "data", CRM, *OTHERS, BROKEN.replace("no day", "2023-01-05"))

    assert on(root, "run") == 0

    assert quarantined(root)["mended_run_id"]


@pytest.mark.parametrize("words", [("run",), ("run", "--full-refresh"), ("run", "--repair")])
def test_raw_files_without_the_month_are_complete(root: Path, words: tuple[str, ...]) -> None:
    deliver(root / "data", CRM, *OTHERS)

    assert on(root, *words) == 0

    assert people(root) == {"B-20", "B-21", "B-22"}


def test_a_file_that_only_grew_brings_nobody_back(root: Path) -> None:
    later = "B-24,Somebody,423-45-6789,1,2023-04-05"
    shutil.rmtree(root / "datamart")
    deliver(root / "data", CRM, *OTHERS, ALONE)
    assert on(root, "run") == 0
    assert on(root, "erase", "--customer", PERSON, "--yes") == 0
    deliver(root / "data", CRM, *OTHERS, ALONE, later)

    assert on(root, "run") == 0

    assert people(root) == {"B-20", "B-21", "B-22", "B-24"}

"""A datamart that version 0.1.0 wrote keeps working: releases, receipts and hashes survive every change."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lakehouse import Lakehouse
from lakehouse.catalog import load
from lakehouse.months import MonthRange
from lakehouse.run.job import Report
from lakehouse.run.plan import Request

FIXTURE = Path(__file__).parent / "fixtures" / "datamart_0.1.0.zip"
ERASED = "CUS_0x41f"
LABELS_BY_RELEASE = {1: 23, 2: 26, 3: 27}
CONTENT_HASH_BY_ID = {
    "ts-ce2c3e74a77c": "6bf28b1a3cd3ecf9296feddb3235b0a06ad273dc41762ea2dc1a669bf97c9a31",
    "ts-b3a84acbfaff": "17971d9fd8cebeda5419ce2697552cd748110ff661c367c3de182688889b3cc9",
}
GOLD = [table.full_name for table in load().tables if table.layer == "gold"]
NEXT_MONTH = Request(MonthRange(last="2024-01"))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The folder with the unpacked `datamart` and `data`."""
    with zipfile.ZipFile(FIXTURE) as packed:
        packed.extractall(tmp_path / "old")
    return tmp_path / "old"


def values(lake: Lakehouse, table: str) -> list[str]:
    return sorted(str(row) for row in lake.table(table).collect())


def check_training_sets(lake: Lakehouse) -> None:
    for training_set_id, content_hash in CONTENT_HASH_BY_ID.items():
        receipt = lake.receipt(lake.reproduce(training_set_id))
        assert (receipt.training_set_id, receipt.content_hash) == (training_set_id, content_hash)


def test_its_releases_are_read_as_they_were(old: Path) -> None:
    lake = Lakehouse(old / "datamart")
    assert list(lake.releases().index) == [1, 2, 3]
    for release, labels in LABELS_BY_RELEASE.items():
        assert lake.at(release=release).table("gold.label_store").count() == labels
    assert lake.at(month="2023-11").release == 2


def test_its_training_sets_come_out_with_the_same_id_and_hash(old: Path) -> None:
    lake = Lakehouse(old / "datamart")
    assert list(lake.training_sets().index) == [*CONTENT_HASH_BY_ID]
    check_training_sets(lake)
    asked_again = lake.receipt(lake.training_set(release=1))
    assert asked_again.training_set_id == "ts-ce2c3e74a77c"


def test_the_erased_person_is_in_no_release(old: Path) -> None:
    for release in LABELS_BY_RELEASE:
        past = Lakehouse(old / "datamart").at(release=release)
        for table in ("bronze.attributes", "bronze.loan_daily", "gold.label_store"):
            assert values(past, table)
            assert ERASED not in "".join(values(past, table))


def test_it_takes_the_next_month_and_its_past_stays(
    old: Path, run_job: Callable[..., Report], tmp_path: Path
) -> None:
    report = run_job(data=old / "data", datamart=old / "datamart", request=NEXT_MONTH)
    assert report.release == 4
    run_job(data=old / "data", datamart=tmp_path / "fresh", request=NEXT_MONTH)
    lake, fresh = Lakehouse(old / "datamart"), Lakehouse(tmp_path / "fresh")
    for table in GOLD:
        assert values(lake, table) == values(fresh, table), table
    assert lake.at(release=3).table("gold.label_store").count() == LABELS_BY_RELEASE[3]
    check_training_sets(lake)
    again = run_job(data=old / "data", datamart=old / "datamart", request=NEXT_MONTH)
    assert (again.published, again.release) == ([], 4)

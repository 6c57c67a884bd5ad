"""A release that cannot be read any more says which table, since when and why."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from time import sleep

import pytest

from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.releases import published
from lakehouse.releases.readable import check_readable
from lakehouse.releases.release import Release
from lakehouse.run.job import Job
from lakehouse.run.run import run
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from tests.narrow import narrow

CATALOG = narrow()
DATA_TABLES = [table for table in CATALOG.tables if table.layer != "ledger"]
FEATURES = CATALOG.table("gold.features_clickstream")
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"


@pytest.fixture(scope="module")
def kept(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A datamart of three releases: built, corrected, corrected again."""
    folder = tmp_path_factory.mktemp("kept")
    data, datamart = folder / "data", folder / "datamart"
    shutil.copytree(generated, data)
    for value in ("1", "2", "3"):
        correct(data / "feature_clickstream.csv", value)
        run(
            Job(
                data,
                Datamart.at(datamart, CATALOG),
                lambda datamart, _size: EmbeddedStore(datamart),
            )
        )
    return datamart


def correct(clicks: Path, value: str) -> None:
    """Give the first click of the file another number."""
    header, first, *rest = clicks.read_text(encoding="utf-8").splitlines()
    cells = first.split(",")
    cells[header.split(",").index("fe_1")] = value
    clicks.write_text("\n".join([header, ",".join(cells), *rest, ""]), encoding="utf-8")


@pytest.fixture
def log(kept: Path, tmp_path: Path) -> Log:
    """A copy of that datamart, to be damaged, in a folder with a blank."""
    shutil.copytree(kept, tmp_path / "data mart")
    return Log(str(tmp_path / "data mart"))


def refusal(log: Log, number: int) -> str:
    """What is said of a release whose clickstream features cannot be read."""
    with pytest.raises(LakehouseError) as error:
        check_readable(log, published.release(log, number).pins, [FEATURES])
    assert not isinstance(error.value, BadInput) and "\n" not in str(error.value)
    assert str(error.value).startswith(
        f"release {number} cannot be read any more: {FEATURES.full_name}"
    )
    return str(error.value)


def readable(log: Log) -> list[int]:
    """The releases whose tables can all be read."""
    return [each.number for each in published.releases(log) if _is_whole(log, each)]


def _is_whole(log: Log, release: Release) -> bool:
    try:
        check_readable(log, release.pins, DATA_TABLES)
    except LakehouseError:
        return False
    return True


def version(log: Log, number: int) -> int:
    return int(published.release(log, number).versions[FEATURES.full_name])


def vacuum(log: Log, keep_versions: list[int] | None = None) -> None:
    log.open(FEATURES).vacuum(
        0, dry_run=False, enforce_retention_duration=False, keep_versions=keep_versions
    )


def data_files(log: Log, number: int | None = None) -> Iterator[Path]:
    """The files of the features, of a release or of now."""
    found = log.open(FEATURES, version(log, number) if number else None)
    for path in found.get_add_actions().column("path").to_pylist():
        yield Path(log.uri(FEATURES)) / str(path)


def file_of(log: Log, number: int) -> Path:
    """A file that only one release has."""
    others = set(data_files(log))
    return next(file for file in data_files(log, number) if file not in others)


@pytest.mark.slow
def test_every_release_of_a_whole_datamart_can_be_read(log: Log) -> None:
    assert readable(log) == [1, 2, 3]


def test_a_vacuum_is_named_with_its_time_and_the_oldest_release_that_it_left(log: Log) -> None:
    before = datetime.now(timezone.utc)
    vacuum(log)
    told = refusal(log, 1)
    assert re.search(
        rf"version {version(log, 1)}: \d of its \d+ data files are gone, removed by VACUUM on {TIME}; ",
        told,
    )
    assert f"{before:%Y-%m-%d %H:%M}" in told
    assert f"restore {log.uri(FEATURES)} from a backup" in told
    assert told.endswith("or choose release 3, the oldest that can still be read")
    assert readable(log) == [3]


def test_of_two_vacuums_that_could_have_done_it_both_are_named(log: Log) -> None:
    vacuum(log, keep_versions=[version(log, 1)])
    sleep(1.1)
    vacuum(log)
    assert re.search(rf"removed by VACUUM between {TIME} and {TIME}; ", refusal(log, 1))


def test_a_vacuum_that_keeps_a_release_leaves_it_readable(log: Log) -> None:
    vacuum(log, keep_versions=[version(log, 1)])
    assert readable(log) == [1, 3]
    assert "or choose release 1, the oldest" in refusal(log, 2)


def test_a_file_that_no_vacuum_removed_was_deleted_by_another(log: Log) -> None:
    file_of(log, 2).unlink()
    told = refusal(log, 2)
    assert re.search(
        rf": 1 of its \d+ data files are gone, since {TIME} at the latest; no VACUUM did it", told
    )
    assert readable(log) == [1, 3]


def test_a_vacuum_is_not_blamed_for_a_file_that_is_still_in_use(log: Log) -> None:
    vacuum(log, keep_versions=[version(log, 1), version(log, 2)])
    next(data_files(log)).unlink()
    assert "no VACUUM did it" in refusal(log, 3)


def test_a_folder_that_is_gone_is_named(log: Log) -> None:
    shutil.rmtree(log.uri(FEATURES))
    told = refusal(log, 1)
    assert re.search(
        rf"version {version(log, 1)}: its folder is gone since {TIME} at the latest; ", told
    )
    assert told.endswith("without that no release can be read")
    assert readable(log) == []


def test_a_log_that_is_gone_is_named(log: Log) -> None:
    shutil.rmtree(Path(log.uri(FEATURES)) / "_delta_log")
    assert re.search(rf"its log is gone since {TIME} at the latest", refusal(log, 3))


@pytest.mark.parametrize("commits", [0, 5])
def test_a_table_made_anew_is_not_what_the_release_had(log: Log, commits: int) -> None:
    shutil.rmtree(log.uri(FEATURES))
    log.create(FEATURES)
    for _ in range(commits):
        log.replace_schema(FEATURES, CommitNote())
    told = refusal(log, 3)
    assert re.search(rf"the table was made again on {TIME}, after the release", told)


def test_a_version_that_the_log_was_cleaned_of_is_named(log: Log) -> None:
    newest = log.open(FEATURES)
    newest.create_checkpoint()
    for number in range(newest.version()):
        (Path(log.uri(FEATURES)) / "_delta_log" / f"{number:020d}.json").unlink()
    told = refusal(log, 1)
    assert re.search(rf"its log was cleaned or set back, by {TIME} at the latest", told)
    assert "or choose release 3, the oldest" in told


def test_a_log_set_back_to_before_the_release_is_named(log: Log) -> None:
    for number in range(version(log, 2) + 1, log.open(FEATURES).version() + 1):
        (Path(log.uri(FEATURES)) / "_delta_log" / f"{number:020d}.json").unlink()
    assert "its log was cleaned or set back" in refusal(log, 3)
    check_readable(log, published.release(log, 2).pins, [FEATURES])


def test_a_table_that_came_after_the_release_is_passed_over(log: Log) -> None:
    pins = published.release(log, 1).pins
    others = {name: v for name, v in pins.versions.items() if name != FEATURES.full_name}
    shutil.rmtree(log.uri(FEATURES))
    check_readable(log, replace(pins, versions=others), [FEATURES])


def test_only_the_tables_asked_for_are_looked_at(log: Log) -> None:
    shutil.rmtree(log.uri(FEATURES))
    others = [table for table in DATA_TABLES if table != FEATURES]
    check_readable(log, published.release(log, 1).pins, others)

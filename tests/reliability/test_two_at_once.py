"""Two on one datamart: one writes, the other waits or leaves; a reader sees one release, whole."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from lakehouse import Lakehouse
from lakehouse.releases import published
from lakehouse.storage.folder import Folder
from lakehouse.storage.log import Log
from tests.reliability.jobs import run
from tests.reliability.narrow_main import CATALOG
from tests.reliability.process import check_whole, contents, finished, started

pytestmark = pytest.mark.slow
READ = ("silver.attributes", "gold.features_attributes", "gold.features_clickstream")


@pytest.fixture
def corrected(worlds: dict[str, Path], tmp_path: Path) -> Path:
    """Three releases, and raw files that were corrected since."""
    return Path(shutil.copytree(worlds["rows corrected"], tmp_path / "world"))


def test_a_run_beside_another_leaves_with_one_line_that_says_who_works(corrected: Path) -> None:
    before = contents(corrected / "datamart")
    with Folder(corrected / "datamart").locked():
        ended = finished(*run(corrected), "--json")
    assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 1)
    assert f"another run (process {os.getpid()} on " in ended.err
    assert "start again when it has ended, or with --wait" in ended.err
    assert contents(corrected / "datamart") == before


def test_with_wait_it_says_for_whom_and_does_its_work_once_that_one_has_ended(
    corrected: Path,
) -> None:
    with started(*run(corrected), "--wait", "--json") as process:
        with Folder(corrected / "datamart").locked(wait=lambda _told: None):
            assert process.stderr
            told = process.stderr.readline()
            assert process.poll() is None
        out, err = process.communicate()
    assert told.startswith(f"note: waiting for another run (process {os.getpid()} on ")
    assert (process.returncode, err) == (0, "")
    assert json.loads(out)["release"] == 4
    check_whole(corrected / "datamart")


def test_of_two_first_builds_at_once_one_builds_and_the_other_finds_nothing_to_do(
    worlds: dict[str, Path], tmp_path: Path
) -> None:
    root = Path(shutil.copytree(worlds["nothing built"], tmp_path / "world"))
    argv = [*run(root), "--wait", "--json"]
    with started(*argv) as one, started(*argv) as other:
        answers = [json.loads(process.communicate()[0]) for process in (one, other)]
    assert sorted(len(answer["published"]) for answer in answers) == [0, 1]
    assert len(published.releases(Log(str(root / "datamart")))) == 1
    check_whole(root / "datamart")


@pytest.mark.parametrize("told", ["process 1 on another-machine, since yesterday", ""])
def test_a_lock_that_a_dead_process_or_another_machine_left_does_not_block(
    told: str, corrected: Path
) -> None:
    (corrected / "datamart" / ".lock").touch()
    (corrected / "datamart" / ".writer").write_text(told, encoding="utf-8")
    assert finished(*run(corrected)).code == 0
    check_whole(corrected / "datamart")


def test_a_reader_beside_a_run_sees_one_release_whole(corrected: Path) -> None:
    lake = Lakehouse(corrected / "datamart")
    seen = []
    with started(*run(corrected), "--json") as process:
        while process.poll() is None:
            release = int(lake.releases().index[-1])
            seen.append((release, {name: _rows(lake.at(release=release), name) for name in READ}))
            seen.append((release, {READ[0]: _rows(lake, READ[0])}))
        process.communicate()
    assert process.returncode == 0
    whole = {n: {name: _rows(lake.at(release=n), name) for name in READ} for n in (3, 4)}
    assert all(whole[3][name] != whole[4][name] for name in READ)
    for release, tables in seen:
        # What is read without a release may have been published since.
        assert any(tables.items() <= whole[n].items() for n in (release, release + 1) if n in whole)


def _rows(lake: Lakehouse, name: str) -> list[tuple[Any, ...]]:
    return sorted(map(tuple, lake.table(name).collect()), key=str)


def test_what_a_run_has_not_published_is_not_seen(corrected: Path) -> None:
    lake = Lakehouse(corrected / "datamart")
    table = CATALOG.table(READ[0])
    before = _rows(lake, READ[0])
    Log(str(corrected / "datamart")).open(table).delete("customer_id IS NOT NULL")
    assert _rows(lake, READ[0]) == before != []

"""A datamart is ours or refused, and one run writes it at a time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.catalog import load
from lakehouse.cli.exit_codes import exit_code
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.releases.go_back import go_back
from lakehouse.storage.checks import check_datamart
from lakehouse.storage.create import create_missing
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.folder import Folder
from lakehouse.storage.format import bank_of
from lakehouse.storage.log import Log
from lakehouse.storage.work import work_folder
from tests.banks.files import FOLDER

CATALOG = load()


def check(root: Path) -> None:
    check_datamart(Datamart.at(root, CATALOG))


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """A datamart of every table, all empty."""
    create_missing(Datamart.at(tmp_path / "ours", CATALOG))
    return tmp_path / "ours"


@pytest.mark.parametrize("left", [0, 100, None], ids=["empty", "cut off", "gone"])
def test_a_datamart_whose_first_commit_lost_power_is_begun_again(
    ours: Path, left: int | None
) -> None:
    for folder in (path for path in ours.iterdir() if path.is_dir() and path.name != "ledger"):
        shutil.rmtree(folder)
    for folder in (path for path in (ours / "ledger").iterdir() if path.name != "releases"):
        shutil.rmtree(folder)
    first, *later = sorted((ours / "ledger/releases/_delta_log").glob("*.json"))
    for commit in (*later, *([] if left is not None else [first])):
        commit.unlink()
    if left is not None:
        first.write_bytes(first.read_bytes()[:left])

    check(ours)
    datamart = Datamart.at(ours, CATALOG)
    assert go_back(datamart) == []
    create_missing(datamart)
    check(ours)
    assert all(datamart.log.exists(table) for table in CATALOG.tables)


def test_a_new_datamart_has_every_table_with_its_columns_partition_and_comments(
    ours: Path,
) -> None:
    for table in CATALOG.tables:
        found = DeltaTable(ours / table.path)
        assert [field.name for field in found.schema().fields] == list(table.columns)
        assert [field.metadata["comment"] for field in found.schema().fields] == [
            field.doc for field in table.fields
        ]
        partition = [table.partition] if table.partition else []
        assert found.metadata().partition_columns == partition
        assert found.metadata().description == table.doc


def test_the_change_feed_and_ten_years_of_versions_are_on_from_the_first_commit(ours: Path) -> None:
    for table in CATALOG.tables:
        found = DeltaTable(ours / table.path).metadata().configuration
        assert found["delta.enableChangeDataFeed"] == "true"
        assert found["delta.logRetentionDuration"] == "interval 3650 days"
        assert found["delta.deletedFileRetentionDuration"] == "interval 3650 days"


def test_expectations_are_constraints_of_the_table(ours: Path) -> None:
    checked = 0
    for table in CATALOG.tables:
        configuration = DeltaTable(ours / table.path).metadata().configuration
        for name, _ in table.expectations:
            assert f"delta.constraints.{name}" in configuration
            checked += 1
    assert checked >= 5


def test_making_what_is_missing_touches_nothing_that_is_there(ours: Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in ours.rglob("*") if path.is_file())
    create_missing(Datamart.at(ours, CATALOG))
    after = sorted((path, path.stat().st_mtime_ns) for path in ours.rglob("*") if path.is_file())
    assert after == before


@pytest.mark.parametrize("made", range(4))
def test_a_first_run_that_is_killed_while_it_makes_tables_leaves_the_bank_with_them(
    tmp_path: Path, made: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Datamart.at(tmp_path / "own", load(FOLDER))
    create, left = Log.create, [None] * made

    def dying(*given: Any) -> None:
        left.pop()  # IndexError in the place of a kill
        create(*given)

    with monkeypatch.context() as patch, pytest.raises(IndexError):
        patch.setattr(Log, "create", dying)
        create_missing(own)

    if made:
        with pytest.raises(BadInput, match="holds the bank corner"):
            check(tmp_path / "own")
    again = Datamart.at(tmp_path / "own", load(FOLDER))
    check_datamart(again)
    create_missing(again)
    assert bank_of(again.log) == "corner"


@pytest.mark.parametrize("make", [lambda root: None, Path.mkdir], ids=["absent", "empty"])
def test_a_place_with_nothing_in_it_is_fine(tmp_path: Path, make: object) -> None:
    make(tmp_path / "datamart")  # type: ignore[operator]
    check(tmp_path / "datamart")


@pytest.mark.parametrize("name", [".gitkeep", ".gitignore", ".lock", ".DS_Store", "_landing"])
def test_what_tools_leave_behind_is_no_foreign_content(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    check(tmp_path)


def test_our_own_datamart_is_fine_with_notes_in_it(ours: Path) -> None:
    (ours / "README.txt").write_text("mine", encoding="utf-8")
    check(ours)


def test_a_file_is_no_datamart(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="is a file; give a folder"):
        check(tmp_path / "file")


@pytest.mark.parametrize("name", ["thesis.docx", "bronze", "_delta_log"])
def test_a_folder_of_something_else_is_no_datamart(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(BadInput, match=f"holds {name} but no ledger/releases"):
        check(tmp_path)


def test_a_table_without_our_keys_is_refused(ours: Path) -> None:
    shutil.rmtree(ours / "gold/label_store")
    write_deltalake(ours / "gold/label_store", pa.table({"x": [1]}))
    with pytest.raises(BadInput, match=r"label_store has no column .*another program made it"):
        check(ours)


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_a_place_that_can_be_written_passes_and_is_not_made(tmp_path: Path, depth: int) -> None:
    root = tmp_path.joinpath(*["new"] * depth)
    Folder(root).check_writable()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused_with_the_folder_to_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root may write anywhere: the answer of the system is pretended.
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    owner = rf"cannot be written: {tmp_path} belongs to user {tmp_path.stat().st_uid}, .* change its owner"
    with pytest.raises(BadInput, match=owner):
        Folder(tmp_path / "a" / "b").check_writable()


def test_a_table_that_another_user_has_written_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "gold" / "label_store" / "_delta_log"
    log.mkdir(parents=True)
    monkeypatch.setattr(os, "access", lambda folder, *_: folder != log)
    with pytest.raises(BadInput, match=rf"cannot be written: {log} belongs to user"):
        Folder(tmp_path).check_writable()


def test_a_second_run_at_the_same_time_is_told_to_wait(tmp_path: Path) -> None:
    words = rf"another run \(process {os.getpid()} on .*\) is writing to datamart {tmp_path}"
    with (
        Folder(tmp_path).locked(),
        pytest.raises(LakehouseError, match=words) as caught,
        Folder(tmp_path).locked(),
    ):
        pytest.fail("two hold the lock")  # pragma: no cover
    assert exit_code(caught.value) == 1


def test_the_lock_is_free_after_a_run_that_failed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="midway"), Folder(tmp_path).locked():
        raise RuntimeError("midway")
    with Folder(tmp_path).locked():
        pass


def test_the_lock_of_a_dead_process_is_free(tmp_path: Path) -> None:
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom lakehouse.storage.folder import Folder\n"
        "with Folder(Path(sys.argv[1])).locked():\n    os._exit(9)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=root, timeout=60)
    assert done.returncode == 9 and (tmp_path / ".lock").exists()
    with Folder(tmp_path).locked():
        pass


def test_a_job_folder_that_goes_while_another_job_looks_at_it_stops_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "_work" / "job-of-another").mkdir(parents=True)
    is_dir = Path.is_dir

    def goes(path: Path) -> bool:
        if path.name == "job-of-another":
            shutil.rmtree(path, ignore_errors=True)
        return is_dir(path)

    # The lock asks this of a folder that it has just found to exist.
    monkeypatch.setattr(Path, "is_dir", goes)
    with work_folder(Folder(tmp_path)) as folder:
        assert [*folder.parent.glob("job-*")] == [folder]


def test_a_listing_beside_a_writer_has_every_file_that_stays(tmp_path: Path) -> None:
    (tmp_path / "stays.json").touch()
    over = threading.Event()

    def write_and_rename() -> None:
        while not over.is_set():
            (tmp_path / "new.part").touch()
            (tmp_path / "new.part").replace(tmp_path / "new.json")

    writer = threading.Thread(target=write_and_rename)
    writer.start()
    try:
        for _ in range(20_000):
            assert "stays.json" in {name for name, *_ in Folder(tmp_path).entries("")}
    finally:
        over.set()
        writer.join()

"""A backup: as of one moment while a run works, only what is new, verified; and the way back from it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lakehouse.errors import BadInput, LakehouseError
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.progress import silent
from lakehouse.releases import published
from lakehouse.releases.ledger_copies import copied_keys
from lakehouse.releases.readable import check_readable
from lakehouse.storage import backup_folder
from lakehouse.storage.backup_folder import BackupFolder
from lakehouse.storage.begun_erasure import erasure_folder
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from lakehouse.upkeep import restore as restore_module
from lakehouse.upkeep.backup import BackedUp, backup
from lakehouse.upkeep.restore import Restored, restore
from tests.upkeep.other_bank import CRM, SEEN, catalog, deliver, on

TABLES = (CRM, SEEN)
PERSON = "B-17"


def register(root: Path, *numbers: int) -> None:
    """Deliver a row per number of a person; the number of visits, which all rows have, is that of rows."""
    rows = (f"B-{n},Somebody {n},{n:03}-45-6789,{len(numbers)},2023-01-05" for n in numbers)
    deliver(root / "data", CRM, *rows)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two releases, the second with one person more."""
    root = tmp_path_factory.mktemp("backed-up")
    for people in ((17, 2), (17, 2, 3)):
        register(root, *people)
        assert on(root, "run") == 0
    return root


@pytest.fixture
def root(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "bank"))


def datamart(root: Path) -> Datamart:
    return Datamart.at(root / "datamart", catalog(*TABLES))


def back_up(root: Path) -> BackedUp:
    return backup(datamart(root), root / "kept", silent)


def bring_back(root: Path, table: str | None = None) -> Restored:
    return restore(datamart(root), root / "kept", table, False, silent)


def people(root: Path, release: int | None = None) -> set[str]:
    log = Log(str(root / "datamart"))
    version = published.release(log, release).versions[CRM.full_name] if release else None
    return {row["cust_no"] for row in log.read(CRM, version)}


def numbers(root: Path) -> list[int]:
    return [release.number for release in published.releases(Log(str(root / "datamart")))]


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file of the tables in a datamart."""
    found = (file for layer in folder.glob("[!._]*") for file in layer.rglob("*"))
    return {str(file.relative_to(folder)): file.read_bytes() for file in found if file.is_file()}


def kept_files(root: Path) -> dict[Path, int]:
    """The files of a backup besides its manifest, and when each was written."""
    return {file: file.stat().st_mtime_ns for file in (root / "kept" / "files").rglob("*/*")}


def test_a_restored_datamart_has_every_file_of_the_one_that_was_backed_up(root: Path) -> None:
    before = files_of(root / "datamart")
    back_up(root)
    shutil.rmtree(root / "datamart")

    assert bring_back(root).set_aside is None

    assert files_of(root / "datamart") == before
    assert (root / "datamart" / "bronze").stat().st_mode & 0o777 == 0o700
    assert (root / "kept").stat().st_mode & 0o777 == 0o700
    assert [people(root, release) for release in (1, 2)] == [
        {"B-17", "B-2"},
        {"B-17", "B-2", "B-3"},
    ]
    assert on(root, "run") == 0 and numbers(root) == [1, 2]


@pytest.mark.parametrize("table", [None, RELEASES.full_name])
def test_a_restored_ledger_has_a_copy_of_each_of_its_rows_and_of_no_later_one(
    root: Path, table: str | None
) -> None:
    back_up(root)
    register(root, 17, 2, 3, 4)
    assert on(root, "run") == 0 and numbers(root) == [1, 2, 3]

    bring_back(root, table)

    assert numbers(root) == [1, 2]
    assert copied_keys(datamart(root).log, RELEASES) == {"1", "2"}


def test_a_second_backup_copies_only_what_is_new(root: Path) -> None:
    first, before = back_up(root), kept_files(root)
    again = back_up(root)
    assert (again.copied, again.deleted, kept_files(root)) == (0, 0, before)

    register(root, 17, 2, 3, 4)
    assert on(root, "run") == 0
    third = back_up(root)

    assert 0 < third.copied < first.copied and third.release == 3
    assert before.items() <= kept_files(root).items()


def test_a_run_between_two_tables_does_not_make_a_mixed_backup(root: Path) -> None:
    ran: list[str] = []

    def run_once(table: str, *_words: object) -> None:
        if ran:
            return
        ran.append(table)
        register(root, 17, 2, 3, 4)
        assert on(root, "run") == 0 and numbers(root) == [1, 2, 3]

    before = files_of(root / "datamart")
    assert backup(datamart(root), root / "kept", run_once).release == 2
    bring_back(root)

    assert files_of(root / "datamart") == before
    assert on(root, "run") == 0 and numbers(root) == [1, 2, 3]
    assert people(root) == {"B-17", "B-2", "B-3", "B-4"}


def test_an_erasure_meanwhile_gives_the_backup_up_and_keeps_the_earlier_one(root: Path) -> None:
    back_up(root)
    register(root, 17, 2, 3, 4)
    assert on(root, "run") == 0
    before = kept_files(root)

    def erase(table: str, *_words: object) -> None:
        if table == CRM.full_name:
            assert on(root, "erase", "--customer", "B-4", "--yes") == 0

    with pytest.raises(LakehouseError, match=r"an erasure, .* came between"):
        backup(datamart(root), root / "kept", erase)

    assert kept_files(root) == before
    bring_back(root)
    assert numbers(root) == [1, 2]


class KilledError(Exception):
    """The end of the process."""


def killed_after(monkeypatch: pytest.MonkeyPatch, root: Path, copies: int) -> None:
    real, done = shutil.copyfile, iter(range(copies))

    def copyfile(source: Path, target: Path) -> None:
        if next(done, None) is None:
            target.write_bytes(source.read_bytes()[:7])
            raise KilledError
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(backup_folder.shutil, "copyfile", copyfile)
        with pytest.raises(KilledError):
            back_up(root)


def test_a_killed_backup_leaves_the_earlier_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_after(monkeypatch, root, copies=5)
    with pytest.raises(BadInput, match="has no complete backup"):
        bring_back(root)

    before = files_of(root / "datamart")
    back_up(root)
    register(root, 17, 2, 3, 4)
    assert on(root, "run") == 0
    monkeypatch.setattr(backup_folder, "_AT_ONCE", 2)
    killed_after(monkeypatch, root, copies=5)
    bring_back(root)
    assert files_of(root / "datamart") == before


@pytest.mark.parametrize("renames", [2, 4, 6])
def test_a_killed_restore_is_refused_by_other_commands_and_can_be_begun_again(
    root: Path, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    back_up(root)
    before = files_of(root / "datamart")
    real, left = restore_module._move, iter(range(renames))

    def move(folder: Path, to: Path) -> None:
        if next(left, None) is None:
            raise KilledError
        real(folder, to)

    with monkeypatch.context() as patch:
        patch.setattr(restore_module, "_move", move)
        with pytest.raises(KilledError):
            bring_back(root)

    assert on(root, "run") != 0 and on(root, "status") != 0
    bring_back(root)
    assert files_of(root / "datamart") == before
    assert on(root, "status") == 0


def test_a_backup_of_a_newer_program_is_refused(root: Path) -> None:
    back_up(root)
    kept = BackupFolder(root / "kept")
    manifest = kept.manifest()
    assert manifest
    kept.complete(replace(manifest, format=99))
    with pytest.raises(BadInput, match="of format 99"):
        bring_back(root)


def test_of_two_backups_to_one_folder_one_is_refused(root: Path) -> None:
    back_up(root)
    with (
        BackupFolder(root / "kept").locked(),
        pytest.raises(LakehouseError, match="another backup"),
    ):
        back_up(root)


def every_file(root: Path) -> Iterator[Path]:
    yield root / "kept" / "backup.json"
    yield from sorted(kept_files(root))[::7]


def test_a_flipped_byte_in_a_backup_is_refused_and_named(root: Path) -> None:
    back_up(root)
    before = files_of(root / "datamart")
    for file in every_file(root):
        whole = file.read_bytes()
        at = len(whole) // 2
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        for dry_run in (True, False):
            with pytest.raises(BadInput, match=rf"{file.name}.* has other bytes"):
                restore(datamart(root), root / "kept", None, dry_run, silent)
        file.write_bytes(whole)
    assert files_of(root / "datamart") == before


def test_bytes_that_rotted_since_their_release_are_not_backed_up(root: Path) -> None:
    file = next((root / "datamart" / "bronze" / "crm").rglob("*.parquet"))
    whole = file.read_bytes()
    file.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])

    with pytest.raises(LakehouseError, match=f"{file.name} has not the bytes"):
        back_up(root)

    file.write_bytes(whole)
    assert back_up(root).copied


def test_an_erased_person_is_gone_from_the_next_backup(root: Path) -> None:
    back_up(root)
    old = set(kept_files(root))
    assert on(root, "erase", "--customer", PERSON, "--yes") == 0

    assert back_up(root).deleted

    gone = old - set(kept_files(root))
    assert gone and not any(file.exists() for file in gone)
    bring_back(root)
    for release in (1, 2):
        assert PERSON not in people(root, release)


def test_a_backup_from_before_an_erasure_tells_that_the_person_comes_back(root: Path) -> None:
    back_up(root)
    assert on(root, "erase", "--customer", PERSON, "--yes") == 0
    (note,) = bring_back(root).notes
    assert note.startswith("1 erased since the backup")
    assert PERSON in people(root)


def test_a_datamart_that_was_set_back_goes_on_from_its_backup(root: Path) -> None:
    back_up(root)
    register(root, 17, 2, 3, 4)
    assert on(root, "run") == 0

    aside = bring_back(root).set_aside

    assert aside and Path(aside, "ledger", "releases").is_dir()
    assert Path(aside).parent.stat().st_mode & 0o777 == 0o700
    register(root, 17, 2, 3, 5)
    assert on(root, "run") == 0
    assert [people(root, 2), people(root, 3)] == [
        {"B-17", "B-2", "B-3"},
        {"B-17", "B-2", "B-3", "B-5"},
    ]
    log = Log(str(root / "datamart"))
    for release in published.releases(log):
        check_readable(log, release.pins, TABLES)


def test_after_one_table_was_set_back_a_release_with_its_lost_version_is_refused(
    root: Path,
) -> None:
    back_up(root)
    register(root, 17, 2, 3, 4)
    assert on(root, "run") == 0
    (note,) = bring_back(root, CRM.full_name).notes
    assert "releases after 2" in note
    register(root, 17, 2, 3, 5)
    assert on(root, "run") == 0

    log = Log(str(root / "datamart"))
    second, third, fourth = (published.release(log, number) for number in (2, 3, 4))
    check_readable(log, second.pins, TABLES)
    check_readable(log, fourth.pins, TABLES)
    with pytest.raises(LakehouseError, match="another commit has that number now"):
        check_readable(log, third.pins, [CRM])


def test_a_backup_is_not_replaced_by_a_datamart_that_lost_what_it_has(root: Path) -> None:
    back_up(root)
    before = kept_files(root)
    log = Log(str(root / "datamart"))
    first = published.release(log, 1)
    path = next(iter(log.files(CRM, first.versions[CRM.full_name]).keys() - log.files(CRM).keys()))
    (root / "datamart" / "bronze" / "crm" / path).unlink()

    with pytest.raises(LakehouseError, match="release 1 is whole in the backup"):
        back_up(root)
    assert kept_files(root) == before
    assert backup(datamart(root), root / "other", silent).notes

    shutil.rmtree(root / "datamart")
    assert on(root, "run") == 0
    with pytest.raises(LakehouseError, match=r"releases that datamart .* does not have"):
        back_up(root)
    assert kept_files(root) == before


def test_an_erasure_under_way_is_set_aside_with_the_tables_it_would_replace(root: Path) -> None:
    back_up(root)
    begun = erasure_folder(root / "datamart")
    begun.mkdir(parents=True)
    with pytest.raises(LakehouseError, match="a person is being erased"):
        back_up(root)
    assert "an erasure was under way" in bring_back(root).notes[0]
    assert not begun.exists()


@pytest.mark.parametrize("to", ["datamart", "datamart/backup", ".", "data"])
def test_a_backup_into_another_thing_is_refused(root: Path, to: str) -> None:
    with pytest.raises(BadInput, match="give another folder"):
        backup(datamart(root), root / to, silent)


def test_the_commands_ask_before_they_replace_tables(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = str(root / "kept")
    assert on(root, "restore", "--from", kept, "--yes") == 2
    assert on(root, "backup", "--to", kept) == 0
    assert "holds release 2 and all that are kept" in capsys.readouterr().out
    assert on(root, "restore", "--from", kept) == 2
    assert "restore replaces tables and cannot ask" in capsys.readouterr().err
    assert on(root, "restore", "--from", kept, "--dry-run") == 0
    assert "The backup is whole" in capsys.readouterr().out
    assert on(root, "restore", "--from", kept, "--yes") == 0
    assert "Restored release 2" in capsys.readouterr().out

"""Files are put on the disk before the folders that name them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lakehouse.storage.sync import SWITCH, sync, sync_tree


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The paths that were synced, in this order; /proc tells the path of a descriptor."""
    paths: list[Path] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        paths.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        real(descriptor)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc to tell what was synced")
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.delenv(SWITCH, raising=False)
    return paths


def written(root: Path, *names: str) -> list[Path]:
    files = [root / name for name in names]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("rows")
    return files


def test_files_come_before_the_folders_above_them_and_each_only_once(
    tmp_path: Path, synced: list[Path]
) -> None:
    files = written(tmp_path, "table/a/1", "table/a/2", "table/b/1")
    sync(files, tmp_path)
    assert set(synced[:3]) == set(files)
    assert sorted(synced[3:]) == [
        tmp_path,
        tmp_path / "table",
        tmp_path / "table/a",
        tmp_path / "table/b",
    ]


def test_only_the_folder_of_a_file_is_synced_if_no_other_is_named(
    tmp_path: Path, synced: list[Path]
) -> None:
    (file,) = written(tmp_path, "a/b/1")
    sync([file])
    assert synced == [file, file.parent]


def test_a_folder_is_synced_with_everything_in_it_and_its_name(
    tmp_path: Path, synced: list[Path]
) -> None:
    files = written(tmp_path, "tree/a/1", "tree/2")
    sync_tree(tmp_path / "tree")
    assert set(synced) == {*files, tmp_path / "tree", tmp_path / "tree/a", tmp_path}


def test_what_is_gone_meanwhile_is_left_out(tmp_path: Path, synced: list[Path]) -> None:
    sync([tmp_path / "gone"])
    assert synced == [tmp_path]


def test_nothing_is_synced_if_it_is_switched_off(
    tmp_path: Path, synced: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, "off")
    sync(written(tmp_path, "1"))
    assert synced == []

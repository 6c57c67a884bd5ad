"""A full disk and a datamart that cannot be written: one line, nothing lost, and the next run goes on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lakehouse.generate import generate
from lakehouse.lake import Lakehouse
from tests.reliability.process import Done, check_whole, contents, finished

pytestmark = pytest.mark.slow

MIB = 1 << 20


def _can_mount() -> bool:
    if not sys.platform.startswith("linux") or os.getuid() != 0 or shutil.which("mount") is None:
        return False
    tried = ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(tried, capture_output=True).returncode == 0


needs_mount = pytest.mark.skipif(
    not _can_mount(), reason="only root on Linux may mount a small disk"
)


@contextmanager
def small_disk(folder: Path, spare_bytes: int) -> Iterator[Path]:
    """A disk at a folder, with what the folder holds and room for so many bytes more."""
    kept = folder.with_name(f".{folder.name}-kept")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder, kept)
    _mount("-t", "tmpfs", "none", str(folder))
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        shutil.rmtree(kept)
        _resize(folder, _used_bytes(folder) + spare_bytes)
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _mount(*argv: str) -> None:
    subprocess.run(["mount", *argv], check=True)


def _used_bytes(disk: Path) -> int:
    """The bytes in use as the disk counts them: a folder takes none on some, a page on others."""
    counted = os.statvfs(disk)
    return (counted.f_blocks - counted.f_bfree) * counted.f_frsize


def _resize(disk: Path, size_bytes: int) -> None:
    _mount("-o", f"remount,size={size_bytes}", str(disk))


def grow(disk: Path) -> None:
    _resize(disk, 512 * MIB)


def _at(root: Path) -> list[str | Path]:
    return ["--data", root / "data", "--datamart", root / "datamart"]


def run(root: Path, *more: str) -> Done:
    return finished("run", *_at(root), *more)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw files, and a datamart that knows the first months of them; copy it."""
    root = tmp_path_factory.mktemp("world")
    generate(root / "data", customers=60, months=6, seed=3)
    done = run(root, "--through", "2023-02")
    assert done.code == 0, done.err
    return root


@pytest.fixture(scope="module")
def whole(world: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What an undisturbed run makes of all the months."""
    root = Path(shutil.copytree(world, tmp_path_factory.mktemp("whole") / "world"))
    assert run(root).code == 0
    return contents(root / "datamart")


@pytest.fixture
def root(world: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(world, tmp_path / "world"))


def one_line(done: Done) -> str:
    """The message of a failed command: one line besides its progress, no traceback."""
    assert "Traceback" not in done.err
    lines = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and done.err.splitlines()[-1] == lines[0], done.err
    return lines[0]


@needs_mount
@pytest.mark.parametrize(
    ("layer", "spare_bytes"),
    [
        ("bronze", 0),
        ("bronze", 90_000),
        ("silver", 30_000),
        ("gold", 0),
        ("gold", 90_000),
        ("ledger", 0),
        ("_work", 30_000),
    ],
)
def test_a_full_disk_is_one_line_and_once_there_is_space_the_next_run_goes_on(
    layer: str, spare_bytes: int, root: Path, whole: dict[str, Any]
) -> None:
    datamart = root / "datamart"
    with small_disk(datamart / layer, spare_bytes) as disk:
        done = run(root)
        assert done.code == 1, done.err
        assert f"no space left on the disk of datamart {datamart} while writing " in one_line(done)
        assert "; free some space; the next run goes on from there" in one_line(done)
        grow(disk)
        again = run(root)
        assert again.code == 0, again.err
        assert contents(datamart) == whole
        check_whole(datamart)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    _mount("--bind", str(folder), str(folder))
    try:
        _mount("-o", "remount,bind,ro", str(folder))
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@needs_mount
def test_a_read_only_datamart_is_read_and_a_run_is_refused_in_one_line(
    root: Path, whole: dict[str, Any]
) -> None:
    datamart = root / "datamart"
    assert run(root, "--through", "2023-08").code == 0
    with read_only(datamart):
        for command in (["run"], ["run", "--repair"]):
            refused = finished(*command, *_at(root))
            assert refused.code == 2
            assert "is mounted read-only; mount it for writing" in one_line(refused)
        for command in (
            ["status"],
            ["releases"],
            ["history"],
            ["diff", "1", "2"],
            ["plan"],
            ["doctor", "--deep"],
        ):
            done = finished(*command, *_at(root), "--json")
            assert done.code == (1 if command[0] == "doctor" else 0), done.err
            found = json.loads(done.out)
        wrong = [each["subject"] for each in found if each["state"] == "missing"]
        assert wrong == ["Datamart can be written"]
        out = root / "train.parquet"
        failed = finished("training-set", "--out", out, *_at(root))
        assert failed.code == 1 and "Read-only file system" in one_line(failed)
        assert not out.exists()
        lake = Lakehouse(datamart)
        rows = lake.releases().loc[2, "row_counts"]["gold.features_attributes"]
        assert lake.table("gold.features_attributes").count() == rows > 0
    assert run(root).code == 0
    assert contents(datamart) == whole


@needs_mount
def test_a_training_set_on_a_full_disk_is_one_line_and_leaves_nothing(root: Path) -> None:
    assert run(root).code == 0
    out = root / "train.parquet"
    with small_disk(root / "datamart" / "_work", 20_000):
        failed = finished("training-set", "--out", out, *_at(root))
    assert failed.code == 1 and "o space left on" in one_line(failed)
    assert not out.exists() and not list(root.glob(".*.part"))
    assert finished("training-set", "--out", out, *_at(root)).code == 0

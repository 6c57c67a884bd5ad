"""A loss of power: an erasure is on the disk before a table changes, and a lost plan is one line."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lakehouse.storage.begun_erasure import erasure_folder
from lakehouse.storage.log import Log
from lakehouse.storage.sync import SWITCH
from lakehouse.upkeep import erase as erase_module
from tests.upkeep.other_bank import CRM, OURS, deliver, on

PERSON = "B-17"
ERASE = ("erase", "--customer", PERSON, "--yes")


class PowerLostError(Exception):
    """The end of the process."""


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("powered")
    rows = (f"{id_},Somebody,{n}23-45-6789,1,2023-01-05" for n, id_ in ((1, PERSON), (2, "B-2")))
    deliver(root / "data", CRM, *rows)
    assert on(root, "run") == 0
    return root


@pytest.fixture
def root(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "bank"))


def people(root: Path) -> set[str]:
    return {row["cust_no"] for row in Log(str(root / "datamart")).read(CRM)}


def lost_power(monkeypatch: pytest.MonkeyPatch, root: Path, renames: int) -> Path:
    """Erase until so many renames are done after the plan was decided; the plan."""
    plan, done, real = erasure_folder(root / "datamart") / "plan.json", [0], Path.replace

    def replace(self: Path, target: Path) -> Path:
        done[0] += plan.exists()
        if done[0] > renames:
            raise PowerLostError
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        with pytest.raises(PowerLostError):
            on(root, *ERASE)
    assert plan.stat().st_size
    return plan


def emptied(plan: Path) -> None:
    plan.write_bytes(b"")


def torn(plan: Path) -> None:
    plan.write_bytes(plan.read_bytes()[:-30])


def zeroed(plan: Path) -> None:
    plan.write_bytes(bytes(plan.stat().st_size))


def of_another_form(plan: Path) -> None:
    plan.write_text(json.dumps({"erasure_id": "a"}))


LOSSES = (emptied, torn, zeroed, of_another_form, Path.unlink)


@pytest.mark.parametrize("lose", LOSSES)
def test_a_lost_plan_that_changed_no_table_is_one_line_and_the_job_goes_on(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lose: Callable[[Path], None],
) -> None:
    lose(lost_power(monkeypatch, root, renames=0))
    words = {emptied: ("vacuum", "--yes"), torn: ("optimize",), zeroed: ERASE}.get(lose, ("run",))
    capsys.readouterr()

    assert on(root, *words) == 0

    assert "the plan of an erasure is lost, and no table was changed" in capsys.readouterr().err
    assert people(root) == ({"B-2"} if words == ERASE else {PERSON, "B-2"})
    assert not erasure_folder(root / "datamart").exists()


@pytest.mark.parametrize("renames", [1, 2, 3])
def test_a_lost_plan_that_changed_tables_is_refused_with_a_way_back(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    renames: int,
) -> None:
    emptied(lost_power(monkeypatch, root, renames))
    capsys.readouterr()

    for words in (("run",), ERASE):
        assert on(root, *words) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert "is lost, and tables are already exchanged: move each folder of" in line

    begun = erasure_folder(root / "datamart")
    for folder in (begun / "old").glob("*/*"):
        live = root / "datamart" / folder.relative_to(begun / "old")
        shutil.rmtree(live, ignore_errors=True)
        folder.rename(live)
    shutil.rmtree(begun)
    assert people(root) == {PERSON, "B-2"}
    assert on(root, *ERASE) == 0
    assert people(root) == {"B-2"}


def test_an_erasure_that_lost_its_power_is_finished_by_its_plan(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost_power(monkeypatch, root, renames=3)

    assert on(root, "run") == 0

    assert people(root) == {"B-2"}


def test_every_new_file_is_on_the_disk_before_a_table_changes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk: set[int] = set()
    real, carry_out = os.fsync, erase_module.carry_out

    def fsync(descriptor: int) -> None:
        on_disk.add(os.fstat(descriptor).st_ino)
        real(descriptor)

    def checked(datamart: Any) -> None:
        folder = erasure_folder(root / "datamart")
        made = [folder.parent, folder, *folder.rglob("*")]
        assert {path.name for path in made if path.stat().st_ino not in on_disk} == set()
        assert sum(path.suffix == ".parquet" for path in made) >= len(OURS[:2])
        carry_out(datamart)

    monkeypatch.setenv(SWITCH, "on")
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(erase_module, "carry_out", checked)
    assert on(root, *ERASE) == 0


def test_a_table_leaves_its_place_on_the_disk_before_the_new_one_takes_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder with both names is synced after each rename, so no order of a disk loses both."""
    events: list[str] = []
    real_sync, real_replace, real_rmtree = os.fsync, Path.replace, shutil.rmtree
    layers = {(root / "datamart" / name).stat().st_ino: name for name in ("bronze", "silver")}

    def fsync(descriptor: int) -> None:
        events.append(f"sync {layers.get(os.fstat(descriptor).st_ino, '')}")
        real_sync(descriptor)

    def replace(self: Path, target: Path) -> Path:
        table = {p.parent.name for p in (self, Path(target))} & {*layers.values()}
        events.extend(f"rename {name}" for name in table)
        return real_replace(self, target)

    def rmtree(folder: Path) -> None:
        events.append("removal")
        real_rmtree(folder)

    monkeypatch.setenv(SWITCH, "on")
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr("lakehouse.upkeep.erasure.rmtree", rmtree)
    assert on(root, *ERASE) == 0

    told = [event for event in events if event != "sync "]
    for layer in layers.values():
        own = [each for each in told if each.endswith(layer) or each == "removal"]
        renames = [i for i, each in enumerate(own) if each.startswith("rename")]
        assert len(renames) == 2 and own[-1] == "removal"
        assert all(own[i + 1] == f"sync {layer}" for i in renames)

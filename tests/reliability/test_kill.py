"""A job killed at any moment loses nothing: the plain rerun leaves what an undisturbed job leaves."""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lakehouse.engine.embedded import EmbeddedStore
from lakehouse.engine.log import Log
from lakehouse.engine.receipts import receipts
from lakehouse.engine.training_build import reproduce
from lakehouse.generate import generate
from tests.reliability.narrow_main import CATALOG
from tests.reliability.process import Done, check_whole, contents, disturbed, finished

pytestmark = pytest.mark.slow

SEED = 20261124
STOPPED = "error: stopped; nothing is half done, the next run goes on from here\n"
Command = Callable[[Path], list[str | Path]]


def _at(root: Path) -> list[str | Path]:
    return ["--data", root / "data", "--datamart", root / "datamart"]


def _run(root: Path) -> list[str | Path]:
    return ["run", *_at(root)]


def _training_set(root: Path) -> list[str | Path]:
    return ["training-set", "--out", root / "train.parquet", *_at(root)]


def _optimize(root: Path) -> list[str | Path]:
    return ["optimize", *_at(root)]


def _vacuum(root: Path) -> list[str | Path]:
    return ["vacuum", "--keep-releases", "1", *_at(root)]


@dataclass(frozen=True)
class Job:
    """A job, and the world it starts in."""

    name: str
    command: Command
    world: str


JOBS = {
    job.name: job
    for job in (
        Job("run", _run, "nothing built"),
        Job("backfill", _run, "earlier months arrived"),
        Job("correction", _run, "rows corrected"),
        Job("optimize", _optimize, "three releases"),
        Job("vacuum", _vacuum, "three releases"),
        Job("training-set", _training_set, "three releases"),
    )
}
# 30 kills: each a job and a share of its work, at which it is killed.
KILLS = [
    pytest.param(name, share, id=f"{name}-{share:.2f}")
    for name, times in (
        ("run", 8),
        ("backfill", 6),
        ("correction", 7),
        ("optimize", 3),
        ("vacuum", 3),
        ("training-set", 3),
    )
    for share in random.Random(f"{SEED} {name}").choices([i / 100 for i in range(2, 98)], k=times)
]


def _cut(data: Path, keep: Callable[[pd.DataFrame], pd.Series[bool]]) -> None:
    for file in data.glob("*.csv"):
        rows = pd.read_csv(file, dtype=str, keep_default_na=False)
        rows[keep(rows)].to_csv(file, index=False)


def _corrected(rows: pd.DataFrame) -> pd.DataFrame:
    """Two rows vanish, one is damaged, and numbers of a customer change."""
    changed = rows.drop(rows.index[[5, 20]]).reset_index(drop=True)
    numbers = [c for c in ("fe_1", "Age", "Annual_Income", "overdue_amt") if c in changed]
    of_one = changed.Customer_ID == changed.Customer_ID[0]
    changed.loc[of_one, numbers] = "33"
    changed.loc[7, "snapshot_date"] = "no day"
    return changed


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Where each job starts, by name; to be copied."""
    root = tmp_path_factory.mktemp("worlds")
    nothing, backfill, three = root / "nothing", root / "backfill", root / "three"
    generate(nothing / "data", customers=25, months=5, seed=3)
    shutil.copytree(nothing, backfill)
    _cut(backfill / "data", lambda rows: rows.snapshot_date.map(_month) >= "2023-03")
    _done(_run(backfill))
    shutil.copytree(nothing / "data", backfill / "data", dirs_exist_ok=True)
    shutil.copytree(nothing, three)
    for through in ("2023-03", "2023-06"):
        _done([*_run(three), "--through", through])
    _done(_run(three))
    corrected = Path(shutil.copytree(three, root / "corrected"))
    for file in (corrected / "data").glob("*.csv"):
        _corrected(pd.read_csv(file, dtype=str, keep_default_na=False)).to_csv(file, index=False)
    _done(_training_set(three))
    return {
        "nothing built": nothing,
        "earlier months arrived": backfill,
        "rows corrected": corrected,
        "three releases": three,
    }


def _month(day: str) -> str:
    return f"{pd.to_datetime(day):%Y-%m}"


def _done(argv: list[str | Path]) -> Done:
    done = finished(*argv)
    assert done.code == 0, done.err
    return done


@dataclass(frozen=True)
class Undisturbed:
    """What a job does when it is let: how many files came or went, and the tables it leaves."""

    steps: int
    tables: dict[str, Any]


@pytest.fixture(scope="module")
def undisturbed(
    worlds: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Undisturbed]:
    @cache
    def of(name: str) -> Undisturbed:
        root = tmp_path_factory.mktemp(f"undisturbed-{name}") / "world"
        shutil.copytree(worlds[JOBS[name].world], root)
        done = disturbed(JOBS[name].command(root), root / "datamart", after_steps=None)
        assert done.code == 0, done.err
        return Undisturbed(done.steps, contents(root / "datamart"))

    return of


KILLED: list[bool] = []


@pytest.mark.parametrize(("name", "share"), KILLS)
def test_after_a_kill_the_plain_rerun_leaves_what_an_undisturbed_job_leaves(
    name: str,
    share: float,
    worlds: dict[str, Path],
    undisturbed: Callable[[str], Undisturbed],
    tmp_path: Path,
) -> None:
    job, expected = JOBS[name], undisturbed(name)
    root = Path(shutil.copytree(worlds[job.world], tmp_path / "world"))

    after = max(round(share * expected.steps), 1)
    done = disturbed(job.command(root), root / "datamart", after)
    KILLED.append(done.code == -signal.SIGKILL)
    _done(job.command(root))
    _done(_run(root))

    assert contents(root / "datamart") == expected.tables
    check_whole(root / "datamart")
    check_receipts(root / "datamart")


def check_receipts(datamart: Path) -> None:
    """Every receipt is that of a training set which can be built again, same content."""
    store = EmbeddedStore(Log(str(datamart)))
    kept = receipts(store.log)
    assert len({each.training_set_id for each in kept}) == len(kept)
    for each in kept:
        assert reproduce(store, CATALOG, each.training_set_id) == each


def test_most_of_the_kills_came_in_the_middle_of_the_work() -> None:
    if len(KILLED) < len(KILLS):
        pytest.skip("the kills were not all run")
    assert sum(KILLED) >= 0.8 * len(KILLED)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("share", [0.05, 0.4, 0.8])
@pytest.mark.parametrize("name", ["run", "training-set"])
def test_a_stop_is_one_line_and_the_next_run_goes_on(
    name: str,
    share: float,
    how: signal.Signals,
    worlds: dict[str, Path],
    undisturbed: Callable[[str], Undisturbed],
    tmp_path: Path,
) -> None:
    job, expected = JOBS[name], undisturbed(name)
    root = Path(shutil.copytree(worlds[job.world], tmp_path / "world"))

    done = disturbed(
        [*job.command(root), "--json"], root / "datamart", round(share * expected.steps), how
    )

    assert (done.code, done.err) == ({signal.SIGINT: 130, signal.SIGTERM: 143}[how], STOPPED)
    assert done.out == ""
    assert not list((root / "datamart").glob("_work/job-*"))
    _done(job.command(root))
    assert contents(root / "datamart") == expected.tables
    check_whole(root / "datamart")

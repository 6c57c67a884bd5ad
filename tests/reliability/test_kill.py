"""A job killed at any moment loses nothing: the plain rerun leaves what an undisturbed job leaves."""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reliability.jobs import JOBS, Undisturbed, check_receipts, done, run
from tests.reliability.process import check_whole, contents, disturbed

pytestmark = pytest.mark.slow

SEED = 20261124
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
    ended = disturbed(job.command(root), root / "datamart", after)
    KILLED.append(ended.code == -signal.SIGKILL)
    done(job.command(root))
    if job.command is not run:
        done(run(root))

    assert contents(root / "datamart") == expected.tables
    check_whole(root / "datamart")
    check_receipts(root / "datamart")


def test_most_of_the_kills_came_in_the_middle_of_the_work() -> None:
    if len(KILLED) < len(KILLS):
        pytest.skip("the kills were not all run")
    assert sum(KILLED) >= 0.8 * len(KILLED)

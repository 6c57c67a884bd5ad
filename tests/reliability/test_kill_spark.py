"""The same on Spark: a job killed at any moment loses nothing, and either engine goes on."""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reliability.jobs import JOBS, Undisturbed, check_receipts, done, run
from tests.reliability.process import check_whole, contents, disturbed

pytestmark = [pytest.mark.slow, pytest.mark.spark]

SEED = 20261124
SPARK = ("--engine", "spark")
# Of each job one, at a share of its work; every second time the JVM is killed with it.
KILLS = [
    pytest.param(name, random.Random(f"{SEED} {name}").uniform(0.1, 0.9), bool(i % 2), id=name)
    for i, name in enumerate(JOBS)
]


@pytest.mark.parametrize(("name", "share", "whole_group"), KILLS)
def test_after_a_kill_on_spark_the_plain_rerun_leaves_what_an_undisturbed_job_leaves(
    name: str,
    share: float,
    whole_group: bool,
    worlds: dict[str, Path],
    undisturbed: Callable[[str], Undisturbed],
    tmp_path: Path,
) -> None:
    job, expected = JOBS[name], undisturbed(name)
    root = Path(shutil.copytree(worlds[job.world], tmp_path / "world"))

    after = max(round(share * expected.steps), 1)
    disturbed([*job.command(root), *SPARK], root / "datamart", after, signal.SIGKILL, whole_group)
    done(job.command(root))
    if job.command is not run:
        done(run(root))

    assert contents(root / "datamart") == expected.tables
    check_whole(root / "datamart")
    check_receipts(root / "datamart")

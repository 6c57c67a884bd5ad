"""A job killed at any moment loses nothing: the plain rerun leaves what an undisturbed job leaves."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable

import pytest

from tests.reliability.jobs import Stage

pytestmark = pytest.mark.slow

SEED = 20261124
# 36 kills: each a job and a share of its work, at which it is killed.
KILLS = [
    pytest.param(name, share, id=f"{name}-{share:.2f}")
    for name, times in (
        ("run", 8),
        ("backfill", 6),
        ("correction", 7),
        ("inbox", 6),
        ("optimize", 3),
        ("vacuum", 3),
        ("training-set", 3),
    )
    for share in random.Random(f"{SEED} {name}").choices([i / 100 for i in range(2, 98)], k=times)
]


KILLED: list[bool] = []


@pytest.mark.parametrize(("name", "share"), KILLS)
def test_after_a_kill_the_plain_rerun_leaves_what_an_undisturbed_job_leaves(
    name: str, share: float, staged: Callable[[str], Stage]
) -> None:
    stage = staged(name)
    KILLED.append(stage.disturb(share).code == -signal.SIGKILL)
    stage.check_rerun()


def test_most_of_the_kills_came_in_the_middle_of_the_work() -> None:
    if len(KILLED) < len(KILLS):
        pytest.skip("the kills were not all run")
    assert sum(KILLED) >= 0.8 * len(KILLED)

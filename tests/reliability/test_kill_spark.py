"""The same on Spark: a job killed at any moment loses nothing, and either engine goes on."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.reliability.jobs import JOBS, Stage

pytestmark = [pytest.mark.slow, pytest.mark.spark]

SEED = 20261124
# Of each job one, at a share of its work; every second time the JVM is killed with it.
KILLS = [
    pytest.param(name, random.Random(f"{SEED} {name}").uniform(0.1, 0.9), bool(i % 2), id=name)
    for i, name in enumerate(JOBS)
]


@pytest.mark.parametrize(("name", "share", "whole_group"), KILLS)
def test_after_a_kill_on_spark_the_plain_rerun_leaves_what_an_undisturbed_job_leaves(
    name: str, share: float, whole_group: bool, staged: Callable[[str], Stage]
) -> None:
    stage = staged(name)
    stage.disturb(share, "--engine", "spark", whole_group=whole_group)
    stage.check_rerun()

"""Power is lost at any moment of upkeep and of building a training set; see `test_power.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability.power import Recorded, check_state, numbered

pytestmark = pytest.mark.slow

STATES = {"training-set": 40, "optimize": 45, "erase": 55, "repair": 40, "vacuum": 40}


@pytest.mark.parametrize(("name", "nth"), numbered(STATES))
def test_after_a_loss_of_power_nothing_is_lost_and_nobody_comes_back(
    name: str, nth: int, recorded_jobs: dict[str, Recorded], world: Path
) -> None:
    check_state(recorded_jobs[name], name, nth, world)

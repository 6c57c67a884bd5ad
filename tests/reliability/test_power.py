"""Power is lost at any moment: readers see whole releases, the next run goes on, and nothing is lost.

Every write, rename, sync and deletion of a job is recorded. A state is some first part of them:
each step that was not synced is on the disk, or not, or torn. `test_power_upkeep.py` has the other jobs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability.power import Recorded, check_state, numbered

pytestmark = pytest.mark.slow

STATES = {"run": 90, "month": 90, "correction": 100}
LOSSES: list[int] = []


@pytest.mark.parametrize(("name", "nth"), numbered(STATES))
def test_after_a_loss_of_power_nothing_published_is_lost_and_a_run_goes_on(
    name: str, nth: int, recorded_jobs: dict[str, Recorded], world: Path
) -> None:
    LOSSES.append(check_state(recorded_jobs[name], name, nth, world))


def test_most_of_the_states_had_lost_something() -> None:
    if len(LOSSES) < sum(STATES.values()):
        pytest.skip("the states were not all made")
    assert sum(losses > 0 for losses in LOSSES) >= 0.6 * len(LOSSES)

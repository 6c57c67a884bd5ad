"""Power is lost in a run on Spark, whose JVM syncs nothing: what holds on the embedded engine holds here.

The recorder sees the writes of the JVM too. Most states go on with the embedded engine, which is quick.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.on_spark import OnSpark
from tests.reliability.power import Recorded, check_state, numbered, run_on_spark

pytestmark = [pytest.mark.slow, pytest.mark.spark]

STATES = {"run": 30, "correction": 30}
STATES_ON_SPARK = {"run": 1, "correction": 2}


@pytest.mark.parametrize(("name", "nth"), numbered(STATES))
def test_after_a_loss_of_power_on_spark_the_embedded_engine_goes_on_and_nothing_is_lost(
    name: str, nth: int, recorded_on_spark: dict[str, Recorded], world: Path
) -> None:
    check_state(recorded_on_spark[name], name, nth, world)


@pytest.mark.parametrize(("name", "nth"), numbered(STATES_ON_SPARK))
def test_after_a_loss_of_power_on_spark_it_goes_on_and_nothing_is_lost(
    name: str,
    nth: int,
    recorded_on_spark: dict[str, Recorded],
    world: Path,
    on_spark: OnSpark,
) -> None:
    run = partial(on_spark, run_on_spark)
    check_state(recorded_on_spark[name], f"{name} on Spark", nth, world, run)

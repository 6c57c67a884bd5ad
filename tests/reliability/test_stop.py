"""Ctrl-C and `kill` stop a command cleanly: one line, its exit code, and the next run goes on."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from tests.reliability.jobs import Stage

pytestmark = pytest.mark.slow

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
STOPPED = "error: stopped; nothing is half done, the next run goes on from here\n"


@pytest.mark.parametrize("how", list(CODES), ids=lambda how: how.name)
@pytest.mark.parametrize("share", [0.05, 0.4, 0.8])
@pytest.mark.parametrize("name", ["run", "training-set"])
def test_a_stop_is_one_line_and_the_next_run_goes_on(
    name: str, share: float, how: signal.Signals, staged: Callable[[str], Stage]
) -> None:
    stage = staged(name)
    ended = stage.disturb(share, "--json", how=how)
    assert (ended.code, ended.err) == (CODES[how], STOPPED)
    assert ended.out == ""
    stage.check_rerun()

"""Ctrl-C and `kill` stop a command cleanly: one line, its exit code, and the next run goes on."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reliability.jobs import JOBS, Undisturbed, done
from tests.reliability.process import check_whole, contents, disturbed

pytestmark = pytest.mark.slow

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
STOPPED = "error: stopped; nothing is half done, the next run goes on from here\n"


@pytest.mark.parametrize("how", list(CODES), ids=lambda how: how.name)
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

    ended = disturbed(
        [*job.command(root), "--json"],
        root / "datamart",
        max(round(share * expected.steps), 1),
        how,
    )

    assert (ended.code, ended.err) == (CODES[how], STOPPED)
    assert ended.out == ""
    done(job.command(root))
    assert contents(root / "datamart") == expected.tables
    check_whole(root / "datamart")

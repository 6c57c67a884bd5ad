"""Ctrl-C and `kill` stop a command cleanly: one line, its exit code, and the next run goes on."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable

import psutil
import pytest

from tests.reliability.jobs import Stage, run
from tests.reliability.process import started

pytestmark = pytest.mark.slow

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
STOPPED = "error: stopped; nothing is half done, the next run goes on from here\n"


@pytest.mark.parametrize("how", list(CODES), ids=lambda how: how.name)
@pytest.mark.parametrize(
    ("name", "share"),
    # The last files of a training set are those of its receipt, after which it may end before a signal comes.
    [
        (name, share)
        for name, last in (("run", 0.8), ("training-set", 0.6))
        for share in (0.05, 0.4, last)
    ],
)
def test_a_stop_is_one_line_and_the_next_run_goes_on(
    name: str, share: float, how: signal.Signals, staged: Callable[[str], Stage]
) -> None:
    stage = staged(name)
    ended = stage.disturb(share, "--json", how=how)
    assert (ended.code, ended.err) == (CODES[how], STOPPED)
    assert ended.out == ""
    stage.check_rerun()


@pytest.mark.spark
def test_a_stop_while_the_jvm_starts_is_one_line_and_leaves_no_jvm(
    staged: Callable[[str], Stage],
) -> None:
    stage = staged("run")
    with started(*run(stage.root), "--json", "--engine", "spark") as process:
        jvm = _first_child(process)
        process.terminate()
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (143, "", STOPPED)
    assert not jvm.is_running() or jvm.status() == psutil.STATUS_ZOMBIE
    stage.check_rerun()


@pytest.mark.spark
def test_a_stop_while_spark_works_is_one_line_and_the_next_run_goes_on(
    staged: Callable[[str], Stage],
) -> None:
    stage = staged("run")
    ended = stage.disturb(0.4, "--json", "--engine", "spark", how=signal.SIGINT, whole_group=True)
    assert (ended.code, ended.out, ended.err) == (130, "", STOPPED)
    stage.check_rerun()


def _first_child(process: subprocess.Popen[str]) -> psutil.Process:
    parent = psutil.Process(process.pid)
    while not parent.children():
        assert process.poll() is None, "it ended before it started a JVM"
        time.sleep(0.01)
    return parent.children()[0]

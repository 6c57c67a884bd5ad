"""Ctrl-C and `kill` stop a command cleanly: one line, its exit code, and the next run goes on."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable

import psutil
import pytest

from tests.reliability.jobs import Stage, run
from tests.reliability.process import Done, started

pytestmark = pytest.mark.slow

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
_TRIES = 5
STOPPED = "error: stopped; nothing is half done, the next run goes on from here\n"


@pytest.mark.parametrize("how", list(CODES), ids=lambda how: how.name)
@pytest.mark.parametrize("share", [0.05, 0.4, 0.8])
@pytest.mark.parametrize("name", ["run", "training-set"])
def test_a_stop_is_one_line_and_the_next_run_goes_on(
    name: str, share: float, how: signal.Signals, staged: Callable[[str], Stage]
) -> None:
    stage, ended = _met_by_the_signal(name, share, how, staged)
    assert (ended.code, ended.err) == (CODES[how], STOPPED)
    assert ended.out == ""
    stage.check_rerun()


def _met_by_the_signal(
    name: str, share: float, how: signal.Signals, staged: Callable[[str], Stage]
) -> tuple[Stage, Done]:
    """A job that was told to stop; one that had ended before tells nothing, and another is begun."""
    for _ in range(_TRIES):
        stage = staged(name)
        ended = stage.disturb(share, "--json", how=how)
        if ended.sent:
            return stage, ended
    pytest.fail(f"{name} ended {_TRIES} times before a signal was sent")


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


@pytest.mark.spark
def test_a_stop_after_workers_ran_python_is_one_line(staged: Callable[[str], Stage]) -> None:
    stage = staged("run")
    with started(*run(stage.root), "--json", "--engine", "spark") as process:
        clicks = stage.datamart / "gold" / "features_clickstream" / "_delta_log"
        while process.poll() is None and not (clicks / f"{2:020}.json").exists():
            time.sleep(0.01)
        process.terminate()
        out, err = process.communicate()
    assert (process.returncode, out, err) == (143, "", STOPPED)


def _first_child(process: subprocess.Popen[str]) -> psutil.Process:
    parent = psutil.Process(process.pid)
    while not parent.children():
        assert process.poll() is None, "it ended before it started a JVM"
        time.sleep(0.01)
    return parent.children()[0]

"""A stop that comes at a moment in which it must not be raised comes right after it."""

from __future__ import annotations

import signal
import time

import pytest

from lakehouse.cli.exit_codes import exit_code
from lakehouse.stop import Stopped, stoppable, unstoppable

_AN_IMPORT = """
def imported():
    signal.raise_signal(signal.SIGINT)
    done.append("lock of imports released")
"""


@pytest.mark.slow
def test_a_stop_during_an_import_comes_after_it() -> None:
    done: list[str] = []
    names = {"signal": signal, "done": done}
    # Python's own code is known by its file's name.
    exec(compile(_AN_IMPORT, "<frozen importlib._bootstrap>", "exec"), names)
    with pytest.raises(Stopped), stoppable():
        names["imported"]()  # type: ignore[operator]
        time.sleep(10)
    assert done == ["lock of imports released"]


def test_a_stop_during_work_of_a_moment_comes_after_it_also_where_the_work_failed() -> None:
    with pytest.raises(Stopped) as stopped, stoppable(), unstoppable():
        signal.raise_signal(signal.SIGTERM)
        raise ConnectionError("the server was stopped by the same signal")
    assert exit_code(stopped.value) == 143

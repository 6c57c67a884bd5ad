"""No variable of the environment is written while a thread of ours may read it in a library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
WATCHED = """
import os, runpy, sys, threading

def tell(event, arguments):
    others = [t.name for t in threading.enumerate() if t is not threading.main_thread()]
    if event == "os.unsetenv" or (event == "os.putenv" and arguments[0].decode() not in os.environ):
        print("written:", arguments[0].decode(), "beside", others or "nobody", file=sys.stderr)

sys.addaudithook(tell)
sys.argv = sys.argv[1:]
sys.path.insert(0, ".")
runpy.run_path("main.py", run_name="__main__")
"""


def written(*arguments: str | Path) -> list[str]:
    """The variables that a run adds or removes, each with the threads that were at work.

    To write one that is there already moves no other, so that a thread may read meanwhile.
    """
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, "main.py", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return [line for line in done.stderr.splitlines() if line.startswith("written:")]


@pytest.mark.parametrize("engine", ["embedded", pytest.param("spark", marks=pytest.mark.spark)])
def test_a_first_run_writes_no_variable_while_threads_read_files(
    data: Path, tmp_path: Path, engine: str
) -> None:
    lines = written("run", "--data", data, "--datamart", tmp_path / "datamart", "--engine", engine)
    assert lines, "the run was not watched"
    assert [line for line in lines if not line.endswith("beside nobody")] == []

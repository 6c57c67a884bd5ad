"""A library that is not installed is one line that says how to install it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MAIN = Path(__file__).parents[2] / "main.py"
# Runs main.py as if a library were not there.
WITHOUT = """
import runpy, sys
sys.modules[sys.argv.pop(1)] = None
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("library", ["click", "deltalake"])
def test_a_missing_library_is_one_line_with_the_way_out(library: str, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        WITHOUT,
        library,
        str(MAIN),
        "status",
        "--datamart",
        str(tmp_path),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert library in line and "pip install -r requirements.txt" in line

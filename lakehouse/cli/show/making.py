"""The files that a scaffold has written, and what to do with them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from lakehouse.cli.show.tables import rows
from lakehouse.cli.show.terminal import next_step, say


def new_bank(folder: Path, files: Sequence[Path]) -> None:
    """Print the files of a new bank and how to build and test it."""
    rows("New bank", [{"file": str(file)} for file in files])
    tables, data = (shlex.quote(str(each)) for each in (folder, folder / "data"))
    mart = shlex.quote(f"{folder}_mart")
    next_step("Build it", f"run --tables {tables} --data {data} --datamart {mart}")
    say(f"Run its own tests: python -m pytest {tables}/tests")
    next_step("Add a file of your own", f"new source FILE.csv --tables {tables}")

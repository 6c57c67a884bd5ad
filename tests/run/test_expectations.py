"""Expectations of a table may change: they hold from then on, and rows that break one stop the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse.catalog import load
from lakehouse.storage.log import Log
from tests.banks.files import FOLDER, copied, write

pytestmark = [pytest.mark.slow, pytest.mark.each]

ROOT = Path(__file__).parent.parent.parent
NAME = "delta.constraints.plausible"


class Bank:
    """A bank whose expectation of a table changes from run to run."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = copied(root / "expecting")
        self._module = self._folder / "gold" / "features_people.py"
        self.code = self._module.read_text(encoding="utf-8")
        write(root / "data")
        self.table = load(FOLDER).table("gold.features_people")

    def run(self, expectation: str | None) -> subprocess.CompletedProcess[str]:
        declared = (
            f'expectations=(("plausible", "{expectation}"),),\n    group='
            if expectation
            else "group="
        )
        self._module.write_text(self.code.replace("group=", declared), encoding="utf-8")
        return subprocess.run(
            [sys.executable, ROOT / "main.py", "run"], cwd=self._root,
            env={**os.environ, "LAKEHOUSE_TABLES": str(self._folder)},
            capture_output=True, text=True, timeout=600,
        )  # fmt: skip

    @property
    def held(self) -> str | None:
        return self.log.properties(self.table).get(NAME)

    @property
    def log(self) -> Log:
        return Log(str(self._root / "datamart"))


def test_an_expectation_that_changes_under_its_name_holds_from_then_on(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    assert bank.run("turnover >= 0").returncode == 0
    assert bank.held == "turnover >= 0"
    assert bank.run("(turnover >= 0 AND turnover <= 5000)").returncode == 0
    assert bank.held == "turnover >= 0 AND turnover <= 5000"
    commits = len(bank.log.history(bank.table))
    again = bank.run("(turnover >= 0 AND turnover <= 5000)")
    assert "Nothing is pending" in again.stdout and len(bank.log.history(bank.table)) == commits

    broken = bank.run("turnover > 500")
    (line,) = [line for line in broken.stderr.splitlines() if line.startswith("error: ")]
    assert broken.returncode == 1 and "Traceback" not in broken.stderr
    assert "gold.features_people, 2024-01 to 2024-08: " in line
    assert "rows there break the expectation plausible (turnover > 500)" in line
    assert bank.held == "turnover >= 0 AND turnover <= 5000"

    assert bank.run(None).returncode == 0
    assert bank.held is None


def test_an_expectation_of_a_column_that_is_new_as_well_can_be_added(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    assert bank.run(None).returncode == 0
    bank.code = bank.code.replace("def branch(branch)", "def place(branch)")
    done = bank.run("place IS NULL OR place <> ''")
    assert done.returncode == 0, done.stderr
    assert bank.held is not None
    bank.code = bank.code.replace("def place(branch)", "def branch(branch)")
    done = bank.run("branch <> 'north'")
    assert done.returncode == 0, done.stderr


def test_rows_that_break_an_expectation_as_they_come_are_counted_by_month(tmp_path: Path) -> None:
    bank = Bank(tmp_path)
    broken = bank.run("turnover < 500")
    assert broken.returncode == 1
    assert "gold.features_people, 2024-01 to 2024-08: " in broken.stderr
    assert (
        "rows break the expectation plausible (turnover < 500); nothing was written to it"
        in broken.stderr
    )
    assert bank.run("turnover < 5000").returncode == 0

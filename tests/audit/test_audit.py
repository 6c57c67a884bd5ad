"""The audit as its user meets it: main.py in a process, on honest code and on code that looks ahead."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse.generate import generate

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
WINDOWS = Path("lakehouse") / "gold" / "over_months.py"
AHEAD = {
    "np.lexsort((day, customer))": "np.lexsort((-day.astype(int), customer))",
    "age = month[wanted] - month[earlier]": "age = month[earlier] - month[wanted]",
}
CHECKS = [
    "dates that look swapped",
    "keys",
    "labels before applications",
    "month of each row",
    "dates of sources",
    "as-of dates",
    "waterfall",
    "functions",
    "lineage",
    "one feature alone",
    "absence of a feature",
    "jump of one feature",
    "known then",
    "release before",
    "after the application",
    "split",
    "shuffled labels",
    "truncated replay",
    "scrambled replay",
    "half of the customers",
    "other half of the customers",
    "renamed customers",
]


def main(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "main.py", *arguments]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh folder with the program, a delivery of nine months and the datamart built of it."""
    folder = tmp_path_factory.mktemp("audited") / "checkout"
    shutil.copytree(ROOT / "lakehouse", folder / "lakehouse")
    shutil.copy(ROOT / "main.py", folder)
    generate(folder / "data", customers=150, months=8, seed=3)
    assert main(folder).returncode == 0
    return folder


@pytest.fixture(scope="module")
def looking_ahead(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with windows that reach into the months after, not before, the row's own."""
    folder = tmp_path_factory.mktemp("looking_ahead") / "checkout"
    shutil.copytree(checkout, folder)
    code = (folder / WINDOWS).read_text(encoding="utf-8")
    for honest, ahead in AHEAD.items():
        assert code.count(honest) == 1
        code = code.replace(honest, ahead)
    (folder / WINDOWS).write_text(code, encoding="utf-8")
    return folder


def test_a_release_of_honest_code_passes_every_check(checkout: Path) -> None:
    answer = main(checkout, "audit", "--json")
    checks = json.loads(answer.stdout)
    assert [check["name"] for check in checks] == CHECKS
    assert [check["findings"] for check in checks if not check["passed"]] == []
    assert answer.returncode == 0
    assert not list((checkout / "datamart" / "_work").glob("job-*"))


def test_a_release_of_other_code_than_todays_is_refused_in_one_line(looking_ahead: Path) -> None:
    answer = main(looking_ahead, "audit")
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert "was built by other code of gold.features_clickstream than today's" in answer.stderr


def test_windows_that_look_ahead_are_found_and_the_exit_code_tells(looking_ahead: Path) -> None:
    assert main(looking_ahead, "run").returncode == 0
    answer = main(looking_ahead, "audit", "--json")
    leaking = {each["name"]: each for each in json.loads(answer.stdout) if not each["passed"]}
    assert {"truncated replay", "scrambled replay"} <= set(leaking)
    for name in ("truncated replay", "scrambled replay"):
        subjects = {finding["subject"] for finding in leaking[name]["findings"]}
        assert subjects == {"gold.features_clickstream"}
    assert answer.returncode == 1


def test_a_cut_outside_the_data_is_refused_in_one_line(checkout: Path) -> None:
    answer = main(checkout, "audit", "--cut", "2031-01")
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert "cannot be cut after 2031-01" in answer.stderr

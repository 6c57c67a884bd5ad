"""What the README shows runs as it stands there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse.cli import cli

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture
def checkout(tmp_path: Path, generated: Path) -> Path:
    """A fresh folder with the program and a small delivery."""
    shutil.copytree(ROOT / "lakehouse", tmp_path / "lakehouse")
    shutil.copy(ROOT / "main.py", tmp_path)
    shutil.copytree(generated, tmp_path / "data")
    return tmp_path


def run(code: list[str], folder: Path) -> str:
    done = subprocess.run(code, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_of_a_month_and_a_look_back_runs_as_printed(checkout: Path) -> None:
    (commands,) = (each for each in blocks("bash") if "--through" in each)
    for line in commands.splitlines():
        assert line.startswith("python ")
        told = run([sys.executable, *line.split()[1:]], checkout)
    assert "gold.features_clickstream" in told
    told = "".join(run([sys.executable, "-c", each], checkout) for each in blocks("python"))
    assert "count(1)" in told or "count(*)" in told
    (checkout / "applications.csv").write_text(
        "customer_id,application_date\nCUS_0x1,2023-05-01\n", encoding="utf-8"
    )
    (commands,) = (each for each in blocks("bash") if "--spine" in each)
    for line in commands.splitlines():
        assert run([sys.executable, *line.split()[1:]], checkout).startswith("ts-")


def test_the_command_that_makes_the_shipped_data_makes_these_very_bytes(tmp_path: Path) -> None:
    (command,) = (each for each in blocks("bash") if "main.py generate" in each)
    words = command.split()[1:]
    run([sys.executable, *words[:-1], str(tmp_path)], ROOT)
    for shipped in (ROOT / "data").glob("*.csv"):
        assert (tmp_path / shipped.name).read_bytes() == shipped.read_bytes(), shipped.name


def test_every_command_stands_in_the_readme() -> None:
    missing = [name for name in cli.commands if f"`python main.py {name}" not in README]
    # `run` stands there by its options.
    assert missing == []

"""Draws the screen of each command: `python -m tests.cli.draw_screens` writes tests/cli/screens/."""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from lakehouse.cli import cli, main
from lakehouse.cli.command import Commands
from lakehouse.upkeep.doctor import Finding

FOLDER = Path(__file__).parent / "screens"
WIDTHS = (80, 120)
_SETTLES = 2  # seconds after which a file that was written is looked at once
# Each command, in an order in which each finds what it needs; the name of its screen comes first.
LINES = {
    "generate": "generate --customers 30 --months 10 --seed 7 --out data",
    "generate-by-month": "generate --customers 30 --months 10 --by-month --late --out inbox",
    "plan": "plan --through 2023-06",
    "run-first": "run --through 2023-06",
    "run": "run",
    "run-again": "run",
    "status": "status",
    "history": "history gold.features_clickstream",
    "releases": "releases",
    "diff": "diff 1 2",
    "diff-keys": "diff 1 2 gold.features_financials --keys --limit 1",
    "deliveries": "deliveries",
    "deliveries-file": "deliveries features_attributes.csv",
    "quarantine": "quarantine",
    "quality": "quality",
    "quality-by-month": "quality silver.attributes --by-month",
    "dictionary": "dictionary gold.label_store",
    "dictionary-protected": "dictionary gold.features_attributes",
    "training-set": "training-set --out train.parquet --features age",
    "training-sets": "training-sets",
    "audit": "audit --training-set train.parquet --split-at 2023-06-01",
    "model": "model",
    "portfolio": "portfolio --out portfolio",
    "doctor": "doctor",
    "optimize": "optimize",
    "vacuum": "vacuum --keep-releases 1 --dry-run",
    "erase": "erase --customer CUS_0x3f3 --dry-run",
    "backup": "backup --to kept",
    "restore": "restore --from kept --dry-run",
    "new-bank": "new bank shop",
    "new-source": "new source data/features_attributes.csv --tables shop --dry-run",
    "new-feature": "new feature pay --tables shop --table gold.features_customers --takes income --doc Pay",
    "new-table": "new table gold.loans --reads silver.loans --tables shop",
    "new-source-unsure": "new source data/lms_loan_daily.csv --tables shop --yes",
    "wrong-command": "stats",
    "wrong-table": "history gold.lable_store",
}
# Values of this moment and this machine, as values of the same width.
_SAME_WIDTH = (
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "2026-01-01 00:00:00"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d\b", "2026-01-01 00:00"),
    (r"\bts-[0-9a-f]{12}\b", "ts-0a1b2c3d4e5f"),
    (r"\b(?=\d*[a-f])[0-9a-f]{16}\b", "0a1b2c3d4e5f0a1b"),
    (r"(?<!-)\b(?!deadbeef)[0-9a-f]{12}\b", "0a1b2c3d4e5f"),
    (r"\b0\.\d{3}\b", "0.500"),
    (r"\d+\.\d MB", "0.1 MB"),
    (r"\b\d\.\d(?=  )", "0.1"),
    (r"\b\d\d\d files\b", "100 files"),
    (r"\b\d\d\d of 0", "100 of 0"),
    (r"py-[\d.]+", "py-1.0.0"),
)


def commands() -> list[str]:
    """The words that call each command."""
    assert isinstance(cli, Commands)
    return [*cli.leaves()]


def dashed(words: str) -> str:
    """The words that call a command, as they are in the name of a file."""
    return words.replace(" ", "-")


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


@contextmanager
def in_folder(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def in_environment(**variables: str) -> Iterator[None]:
    """Set variables; those that an engine sets meanwhile stay, because its session needs them."""
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]


def screen(line: str, width: int) -> str:
    """All that a command shows on a terminal of that width, without its bar."""
    seen = Screen()
    words = line.split()
    with (
        in_environment(COLUMNS=str(width), NO_COLOR="1"),
        patch("lakehouse.cli.show.progress_lines.on_terminal", lambda: False),
        patch("lakehouse.cli.show.progress_lines.tell", lambda *_: None),
        patch("lakehouse.run.run.time.monotonic", lambda: 0.0),
        patch("lakehouse.upkeep.doctor.examine", _examined),
        redirect_stdout(seen),
        redirect_stderr(seen),
    ):
        code = main(words)
    shown = "".join(f"{each.rstrip()}\n" for each in seen.getvalue().splitlines())
    for pattern, text in _SAME_WIDTH:
        shown = re.sub(pattern, text, shown)
    return f"$ python main.py {line}\n{shown}exit code {code}\n"


def _examined(*_: object) -> list[Finding]:
    return [
        Finding("Python", "ok", "3.11.0", ""),
        Finding("Java (Spark engine)", "absent", "none", "install Java 17 or 21, for Spark only"),
        Finding("Free disk", "ok", "99.9 GiB", ""),
    ]


def screens(folder: Path, width: int) -> Iterator[tuple[str, str]]:
    """Each screen of a width with its name; the datamart is made in a new folder."""
    folder.mkdir()
    with in_folder(folder):
        yield f"help-{width}", screen("--help", width)
        for name in ("new", *commands()):
            yield f"{dashed(name)}-help-{width}", screen(f"{name} --help", width)
        for name, line in LINES.items():
            yield f"{name}-{width}", screen(line, width)
            if name.startswith("generate"):
                _age(Path())
    _forget("shop")


def _forget(bank: str) -> None:
    """Let another folder be a bank of this name: a process knows one of each name."""
    sys.meta_path[:] = [each for each in sys.meta_path if getattr(each, "name", "") != bank]
    for module in [each for each in sys.modules if each.split(".")[0] == bank]:
        del sys.modules[module]


def _age(folder: Path) -> None:
    """Make raw files an hour old: those of this moment may still be written, so they are looked at twice."""
    for file in folder.rglob("*.csv"):
        told = file.stat()
        os.utime(file, (told.st_atime - 3600, told.st_mtime - 3600))
    # The time of this change cannot be set, so it has to pass.
    time.sleep(_SETTLES)


def draw() -> None:
    """Write all screens again."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        for width in WIDTHS:
            for name, shown in screens(Path(folder) / str(width), width):
                (FOLDER / f"{name}.txt").write_text(shown, encoding="utf-8")


if __name__ == "__main__":
    draw()

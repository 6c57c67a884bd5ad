"""The two commands that destroy ask first, or take --yes; without a terminal they refuse."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lakehouse.cli import main
from tests.bank import Bank

DESTROYING = (["vacuum", "--keep-releases", "1"], ["erase", "--customer", "{customer}"])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def call(
    pristine: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[list[str], io.StringIO], int]:
    """Calls a command on a copy of a datamart, with somebody's answers."""
    shutil.copytree(pristine.root, tmp_path / "bank")
    bank = Bank(tmp_path / "bank")
    customer = bank.arrow("gold.features_attributes", 1)["customer_id"][0].as_py()

    def called(command: list[str], answers: io.StringIO) -> int:
        monkeypatch.setattr("sys.stdin", answers)
        words = [word.format(customer=customer) for word in command]
        return main([*words, "--data", str(bank.data), "--datamart", str(bank.datamart)])

    return called


def state(folder: Path) -> dict[str, int]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name[0] != "."]
    return {str(path): path.stat().st_mtime_ns for path in files}


@pytest.mark.parametrize("command", DESTROYING, ids=lambda words: words[0])
def test_it_refuses_without_a_terminal(
    command: list[str],
    call: Callable[[list[str], io.StringIO], int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = state(tmp_path)
    assert call(command, io.StringIO("y\n")) == 2
    assert "look with --dry-run, then give --yes" in capsys.readouterr().err
    assert state(tmp_path) == before


@pytest.mark.parametrize("command", DESTROYING, ids=lambda words: words[0])
def test_it_shows_what_would_go_and_changes_nothing_for_a_no(
    command: list[str],
    call: Callable[[list[str], io.StringIO], int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = state(tmp_path)
    assert call(command, Terminal("n\n")) == 2
    told = capsys.readouterr()
    assert "files" in told.out and "was not confirmed; nothing was changed" in told.err
    assert state(tmp_path) == before


@pytest.mark.parametrize("command", DESTROYING, ids=lambda words: words[0])
@pytest.mark.parametrize("is_asked", [True, False])
def test_it_goes_on_for_a_yes(
    command: list[str],
    is_asked: bool,
    call: Callable[[list[str], io.StringIO], int],
    tmp_path: Path,
) -> None:
    before = state(tmp_path)
    answers = Terminal("y\n") if is_asked else io.StringIO()
    assert call(command if is_asked else [*command, "--yes"], answers) == 0
    assert state(tmp_path) != before

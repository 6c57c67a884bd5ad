"""Each command's screen is the golden one at 80 and 120 columns, and fits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.draw_screens import FOLDER, LINES, WIDTHS, commands, dashed, screens

GOLDEN = {file.stem: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.txt")}


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
def test_every_screen_is_the_golden_one(width: int, tmp_path: Path) -> None:
    drawn = dict(screens(tmp_path / "place", width))
    different = [name for name, shown in drawn.items() if GOLDEN.get(name) != shown]
    assert different == [], "\n".join(drawn[name] for name in different[:3])


@pytest.mark.parametrize("width", WIDTHS)
def test_every_command_has_a_screen_of_its_help_and_its_answer(width: int) -> None:
    assert {f"{dashed(name)}-help-{width}" for name in commands()} <= GOLDEN.keys()
    assert {f"{name}-{width}" for name in LINES} <= GOLDEN.keys()
    # The zip is that of the whole project, which changes with each commit.
    answered = {
        name for name in commands() for line in LINES.values() if f"{line} ".startswith(f"{name} ")
    }
    assert {*commands()} - answered == {"package"}


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_no_line_of_a_screen_is_wider_than_its_terminal(name: str) -> None:
    width = int(name.rpartition("-")[2])
    if re.match(r"dictionary-(protected-)?\d", name):
        pytest.skip("the dictionary is Markdown, for a file")
    for line in GOLDEN[name].splitlines()[1:]:
        assert len(line) <= width

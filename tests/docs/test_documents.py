"""README and docs: each block runs as it stands there, in its order, on the shipped data."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse.cli import cli
from lakehouse.cli.command import Commands
from tests.docs.pages import PAGES, ROOT, blocks, reader

BLOCKS = {page: blocks(page) for page in PAGES}
# In the checkout of somebody who has followed the pages.
MADE_BY_A_READER = (
    "datamart", "practice", "corrected", "delivery", "mine", "model_report", "*.parquet", "applications.csv"
)  # fmt: skip
REFERENCE = ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def set_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout after README's first command; copy it before changing it."""
    checkout = tmp_path_factory.mktemp("set_up") / "checkout"
    ignored = shutil.ignore_patterns(".*", "__pycache__", *MADE_BY_A_READER)
    shutil.copytree(ROOT, checkout, ignore=ignored)
    with reader(checkout) as newcomer:
        newcomer.follow(BLOCKS["README.md"][0])
    return checkout


@pytest.mark.slow
@pytest.mark.each
@pytest.mark.parametrize("page", [page for page in PAGES if BLOCKS[page]])
def test_a_page_runs_as_printed(page: str, set_up: Path, tmp_path: Path) -> None:
    if "import polars" in "".join(block.text for block in BLOCKS[page]):
        pytest.importorskip("polars", reason="Polars is installed on Python 3.11 and newer")
    checkout = Path(shutil.copytree(set_up, tmp_path / "checkout"))
    with reader(checkout) as newcomer:
        for block in BLOCKS[page]:
            if block.reason is None:
                newcomer.follow(block)


def test_each_of_the_ten_tasks_of_the_first_hour_takes_one_line() -> None:
    opening, *tasks = BLOCKS["docs/tutorial/first-hour.md"]
    assert opening.text.endswith('lake = Lakehouse("datamart")\n')
    assert [task.text.count("\n") for task in tasks] == [1] * 10


def test_a_block_that_is_not_run_says_why() -> None:
    marked = [block for page in PAGES for block in BLOCKS[page] if block.reason is not None]
    assert [block.place for block in marked if len((block.reason or "").split()) < 3] == []
    lines = [line for page in PAGES for line in (ROOT / page).read_text("utf-8").splitlines()]
    # None stands where it marks nothing.
    assert sum(line.startswith("<!-- not run") for line in lines) == len(marked)


def test_the_commands_of_set_up_are_the_first_two_of_the_readme() -> None:
    build, tests = BLOCKS["README.md"][:2]
    assert build.text.endswith("-r requirements.txt && .venv/bin/python main.py\n")
    assert tests.text.endswith("-r requirements-dev.txt && .venv/bin/python -m pytest\n")


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_the_command_that_makes_the_shipped_data_makes_these_very_bytes(tmp_path: Path) -> None:
    commands = [line for block in BLOCKS["README.md"] for line in block.text.splitlines()]
    (command,) = (line for line in commands if "main.py generate" in line)
    words = command.split()[1:]
    subprocess.run([sys.executable, *words[:-1], str(tmp_path)], cwd=ROOT, check=True)
    for shipped in (ROOT / "data").glob("*.csv"):
        assert (tmp_path / shipped.name).read_bytes() == shipped.read_bytes(), shipped.name


def test_every_command_stands_in_the_reference() -> None:
    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    assert isinstance(cli, Commands)
    assert [name for name in cli.leaves() if f"\npython main.py {name} " not in text] == []


def test_the_reference_is_what_the_code_says() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "generate.py"))["pages"]()
    pages = (path for path in REFERENCE.rglob("*") if path.is_file())
    kept = {p.relative_to(REFERENCE).as_posix(): p.read_text(encoding="utf-8") for p in pages}
    drifted = sorted(name for name in {*made, *kept} if made.get(name) != kept.get(name))
    assert drifted == [], "python docs/generate.py writes them again"


@pytest.mark.parametrize("page", ["README.md", "docs/explanation/promises.md"])
def test_what_the_promises_name_as_their_proof_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    tests = {path.name: path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    functions = {
        name for code in tests.values() for name in re.findall(r"^def (test_\w+)", code, re.M)
    }
    named = re.findall(r"`(test_\w+(?:\.py)?)`", text)
    assert len(named) > 15 and set(named) - {*tests, *functions} == set()


def test_the_files_that_the_architecture_names_are_there() -> None:
    named = re.findall(r"`([\w/]+\.py)`", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    roots = (ROOT, ROOT / "lakehouse")
    assert named and [f for f in named if not any((root / f).exists() for root in roots)] == []


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_what_a_page_links_to_is_there(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text(encoding="utf-8"))
    assert links and [link for link in links if not (ROOT / link).exists()] == []

"""The installed program: it runs from any folder, says how it was called, and shells complete its words."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def called(*argv: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*map(str, argv)], cwd=cwd, env={**os.environ, **env},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    module = (sys.executable, "-m", "lakehouse")
    helped = called(*module, "--help", cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert helped.returncode == 0 and helped.stdout.startswith("Usage: python -m lakehouse")
    empty = called(*module, "status", cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert (
        empty.returncode == 2 and "`python -m lakehouse --datamart datamart` builds" in empty.stderr
    )


def test_it_runs_as_main_py() -> None:
    helped = called(sys.executable, "main.py", "--help", cwd=ROOT)
    assert helped.returncode == 0 and helped.stdout.startswith("Usage: python main.py")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_the_script_that_completes(shell: str) -> None:
    answer = called(
        sys.executable, "-m", "lakehouse", cwd=ROOT, _LAKEHOUSE_COMPLETE=f"{shell}_source"
    )
    assert answer.returncode == 0 and answer.stderr == ""
    assert "lakehouse" in answer.stdout and f"{shell}_complete" in answer.stdout


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("lakehouse tra", {"training-set", "training-sets"}),
        ("lakehouse history gold.l", {"gold.label_store"}),
        ("lakehouse deliveries lms", {"lms_loan_daily.csv"}),
        ("lakehouse run --by", {"--by-month"}),
        ("lakehouse status --da", {"--datamart"}),
    ],
)
def test_commands_options_and_tables_are_completed(line: str, offered: set[str]) -> None:
    words = line.split()
    answer = called(
        sys.executable, "-m", "lakehouse", cwd=ROOT,
        _LAKEHOUSE_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1),
    )  # fmt: skip
    assert {each.partition(",")[2] for each in answer.stdout.splitlines()} == offered


# Each prints what its shell would offer behind `lakehouse vac`.
_COMPLETE_VAC = {
    "bash": """eval "$(_LAKEHOUSE_COMPLETE=bash_source lakehouse)"
        COMP_WORDS=(lakehouse vac); COMP_CWORD=1; _lakehouse_completion lakehouse
        echo "${COMPREPLY[@]}" """,
    # Out of a line editor, the functions that show words are our own.
    "zsh": """compdef() { : }; compadd() { : }
        _describe() { for each in "${(@P)3}"; do echo "${each%%:*}"; done }
        eval "$(_LAKEHOUSE_COMPLETE=zsh_source lakehouse)"
        words=(lakehouse vac); CURRENT=2; _lakehouse_completion""",
    "fish": """_LAKEHOUSE_COMPLETE=fish_source lakehouse | source
        complete -C "lakehouse vac" | string split --fields 1 \\t""",
}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_a_line(shell: str, tmp_path: Path) -> None:
    if not shutil.which(shell):
        pytest.skip(f"needs {shell}")
    program = tmp_path / "lakehouse"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lakehouse "$@"\n')
    program.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    answer = called(shell, "-c", _COMPLETE_VAC[shell], cwd=ROOT, PATH=path)
    assert answer.stdout.split() == ["vacuum"], answer.stderr


@pytest.mark.slow
def test_pip_installs_a_program_that_finds_its_own_resources(tmp_path: Path) -> None:
    wheels, place = tmp_path / "wheels", tmp_path / "site"
    project = tmp_path / "project"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "lakehouse", project / "lakehouse", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, project)
    built = called(
        sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", wheels, project, cwd=tmp_path
    )
    if built.returncode and "No matching distribution" in built.stderr:
        pytest.skip("the build backend is not to be had")
    assert built.returncode == 0, built.stderr
    (wheel,) = wheels.iterdir()
    pip = (sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", place, wheel)
    installed = called(*pip, cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr
    program = place / "bin" / "lakehouse"
    made = called(
        program, "generate", "--customers", "3", "--months", "3", "--out", "data", cwd=tmp_path,
        PYTHONPATH=str(place),
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    run = called(program, cwd=tmp_path, PYTHONPATH=str(place))
    assert run.returncode == 0 and "Release 1 published" in run.stdout, run.stderr
    assert (tmp_path / "datamart" / "gold").is_dir()
    shipped = {
        each.relative_to(place) for each in (place / "lakehouse").rglob("*") if each.is_file()
    }
    wanted = {
        each.relative_to(ROOT)
        for each in (ROOT / "lakehouse").rglob("*")
        if each.is_file() and "__pycache__" not in each.parts
    }
    assert wanted - shipped == set()

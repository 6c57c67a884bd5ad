"""Reads a page of the documents block by block, and runs the blocks as a reader would."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# Nobody runs what is generated: it shows forms of commands, as text.
PAGES = (
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    *sorted(
        page.relative_to(ROOT).as_posix()
        for page in (ROOT / "docs").rglob("*.md")
        if page.parent.name != "reference"
    ),
)
_MARK = re.compile(r"<!-- not run: (?P<reason>.*) -->")
_FENCE = re.compile(r'```(?P<language>\w*)(?: title="(?P<title>[^"]*)")?')
# The line under the head of a table, as wide as its columns.
_RULE = re.compile(r"[─ ]*─[─ ]*")
# As in "lakehouse/gold/features_attributes.py, above TABLE".
_TITLE = re.compile(r"(?P<file>[^,]+?)(?:, above (?P<above>\w+))?")
# The packages are installed already, and the tests need no second environment.
_PYTHON = """#!/bin/sh
case "$1 $2" in "-m venv" | "-m pip") exit 0 ;; esac
exec "{python}" "$@"
"""
# Keeps one session for the Python blocks of a page, and answers each with its error, if any.
_SESSION = """
import json, os, sys, traceback
answers = os.fdopen(os.dup(1), "w")
os.dup2(os.open("python.out", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
names = {"__name__": "__main__"}
for line in sys.stdin:
    try:
        exec(compile(json.loads(line), "<block>", "exec"), names)
        error = ""
    except BaseException:
        error = traceback.format_exc()
    sys.stdout.flush()
    print(json.dumps(error), file=answers, flush=True)
"""


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, its text, and why it is not run, empty where it is.

    `title` names the file that its text goes into. `output`: the text block below it, None without one.
    """

    page: str
    line: int
    language: str
    text: str
    title: str = ""
    reason: str | None = None
    output: str | None = None

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: str) -> list[Block]:
    """The blocks of a page that are commands, Python or a file, in their order."""
    kept: list[Block] = []
    for block in _fenced(page):
        if block.title or block.language in ("bash", "python"):
            kept.append(block)
        elif block.language == "text" and kept and _is_below(block, kept[-1]):
            kept[-1] = replace(kept[-1], output=block.text)
    return kept


def _fenced(page: str) -> Iterator[Block]:
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    start = 0
    for number, line in enumerate(lines, start=1):
        if not line.startswith("```"):
            continue
        if not start:
            start = number
            continue
        fence = _FENCE.fullmatch(lines[start - 1])
        assert fence, f"{page}:{start}: a block without a language"
        mark = _MARK.fullmatch(lines[start - 2])
        text = "".join(f"{line}\n" for line in lines[start : number - 1])
        reason = mark["reason"] if mark else None
        yield Block(page, start, fence["language"], text, fence["title"] or "", reason)
        start = 0


def _is_below(block: Block, command: Block) -> bool:
    """Whether there is nothing between the two."""
    lines = (ROOT / block.page).read_text(encoding="utf-8").splitlines()
    end = command.line + command.text.count("\n") + 1
    return not "".join(lines[end : block.line - 1]).strip()


class Reader:
    """Somebody who follows a page in a checkout, from top to bottom."""

    def __init__(self, checkout: Path, python: subprocess.Popen[str]) -> None:
        self._checkout = checkout
        self._python = python

    def follow(self, block: Block) -> None:
        """Do what a block says; AssertionError where it fails or tells something else than the page."""
        if block.title:
            self._write(block)
            return
        told = self._command(block) if block.language == "bash" else self._session(block)
        if block.output is not None:
            told = re.sub(r"[─ ]*─[─ ]*", "", told)
            wanted = re.sub(r"[─ ]*─[─ ]*", "", block.output)
            is_as_shown = OutputChecker().check_output(
                wanted, told, ELLIPSIS | NORMALIZE_WHITESPACE
            )
            assert is_as_shown, f"{block.place} shows\n{block.output}\nand it tells\n{told}"

    def _write(self, block: Block) -> None:
        """Put the block into the file that its title names, a new one or an old one."""
        title = _TITLE.fullmatch(block.title)
        assert title, f"{block.place}: no file is meant by {block.title!r}"
        file = self._checkout / title["file"]
        if not title["above"]:
            assert not file.exists(), f"{block.place}: {file.name} is there already"
            file.write_text(block.text, encoding="utf-8")
            return
        before, name, after = file.read_text(encoding="utf-8").partition(f"\n{title['above']} = ")
        assert name, f"{block.place}: {file.name} has no {title['above']}"
        file.write_text(f"{before}\n{block.text}\n{name}{after}", encoding="utf-8")

    def _command(self, block: Block) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.text],
            cwd=self._checkout,
            env=_environment(self._checkout),
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{block.place}: {done.stdout}{done.stderr}"
        return done.stdout

    def _session(self, block: Block) -> str:
        out = self._checkout / "python.out"
        seen = out.stat().st_size if out.exists() else 0
        assert self._python.stdin and self._python.stdout
        self._python.stdin.write(json.dumps(block.text) + "\n")
        self._python.stdin.flush()
        answer = self._python.stdout.readline()
        assert answer, f"{block.place}: Python is gone"
        assert json.loads(answer) == "", f"{block.place}: {json.loads(answer)}"
        return out.read_bytes()[seen:].decode()


@contextmanager
def reader(checkout: Path) -> Iterator[Reader]:
    """A reader in that checkout, whose `python` is this one."""
    for name in (".reader/python", ".reader/python3", ".venv/bin/python"):
        shim = checkout / name
        shim.parent.mkdir(parents=True, exist_ok=True)
        shim.write_text(_PYTHON.format(python=sys.executable), encoding="utf-8")
        shim.chmod(0o755)
    with subprocess.Popen(
        [sys.executable, "-c", _SESSION],
        cwd=checkout,
        env=_environment(checkout),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as python:
        try:
            yield Reader(checkout, python)
        finally:
            python.kill()


def _environment(checkout: Path) -> dict[str, str]:
    path = f"{checkout / '.reader'}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path}

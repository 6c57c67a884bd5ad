"""A fingerprint of the code that makes a table; it changes if, and only if, that code changes."""

from __future__ import annotations

import ast
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lakehouse.table import Table

PACKAGE = Path(__file__).parent
# The module that makes bronze rows from raw files.
_READS_RAW_FILES = "lakehouse.landing.land"
# Only these modules decide what a row becomes. Storage, runs and output do not. Neither does table.py,
# because each declaration is hashed separately.
_DECIDE_ROWS = re.compile(
    r"lakehouse\.((bronze|silver|gold|landing)(\.|$)|(feature|label|months)$)"
)
# Finds comments, and strings, because a string may hold a #. With `tokenize` it took twice the time.
_STRING_OR_COMMENT = re.compile(
    r"""
    (?P<string> \"{3} (?:\\.|[^\\])*? \"{3} | '{3} (?:\\.|[^\\])*? '{3}
              | " (?:\\.|[^"\\\n])* "     | ' (?:\\.|[^'\\\n])* ' )
    | \#[^\n]*
    """,
    re.VERBOSE | re.DOTALL,
)


def code_fingerprint(table: Table, module: str, others: frozenset[str]) -> str:
    """Hash of the table's declaration and of the modules that make its rows, 16 hex digits.

    Modules that declare other tables (`others`) are left out: a change in them shows in their data.
    """
    digest = hashlib.sha256()
    for name in sorted(modules_behind(table, module, others)):
        digest.update(f"{name}\n{_read(name).essence}\n".encode())
    declared = [(field.name, field.type) for field in table.fields]
    digest.update(repr((declared, table.keys, table.look_back_months)).encode())
    return digest.hexdigest()[:16]


def modules_behind(table: Table, module: str, others: frozenset[str]) -> set[str]:
    """The modules that decide the rows of a table: its own module, and those that it imports."""
    reached: set[str] = set()
    waiting = [module, _READS_RAW_FILES] if table.source else [module]
    while waiting:
        name = waiting.pop()
        if _file(name) is not None:
            reached.add(name)
            waiting += [other for other in _read(name).imports if other not in reached | others]
    return reached


def essence(text: str) -> str:
    """A module's text without comments, docstrings and blank lines; the same on every Python version."""
    return _essence(text, ast.parse(text))


@dataclass(frozen=True)
class _Module:
    """The essence of a module, and those of its imports that decide rows too."""

    essence: str
    imports: tuple[str, ...]


def _read(name: str) -> _Module:
    path = _file(name)
    if path is None:
        return _Module("", ())
    return _parsed(path, path.stat().st_mtime_ns)


@cache
def _parsed(path: Path, _changed_ns: int) -> _Module:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    return _Module(_essence(text, tree), _imports(tree))


def _file(module: str) -> Path | None:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _imports(tree: ast.Module) -> tuple[str, ...]:
    names: list[str] = []
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(name for name in names if _DECIDE_ROWS.match(name))


def _essence(text: str, tree: ast.Module) -> str:
    lines = _STRING_OR_COMMENT.sub(lambda match: match["string"] or "", text).splitlines()
    for start, column, end in _docstrings(tree):
        lines[start - 1 : end] = [lines[start - 1][:column], *[""] * (end - start)]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _statements(tree: ast.Module) -> list[ast.stmt | ast.Module]:
    """The module and all its statements at any depth; expressions are skipped, they hold no statement."""
    nodes: list[Any] = [tree]
    for node in nodes:
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            nodes += getattr(node, block, ())
    return nodes


def _docstrings(tree: ast.Module) -> list[tuple[int, int, int]]:
    holders = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    firsts = [node.body[0] for node in _statements(tree) if isinstance(node, holders) and node.body]
    return [
        (first.lineno, first.col_offset, first.end_lineno or first.lineno)
        for first in firsts
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        if isinstance(first.value.value, str)
    ]

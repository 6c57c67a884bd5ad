"""A fingerprint of the code that makes a table: it changes when, and only when, that code does."""

from __future__ import annotations

import ast
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from lakehouse.table import Table

PACKAGE = Path(__file__).parent
# A bronze row is made by the reading of its file.
_READS_RAW_FILES = "lakehouse.engine.landing"
# Strings, which may hold a #, and comments; with `tokenize` fingerprints took twice the time.
_STRING_OR_COMMENT = re.compile(
    r"""
    (?P<string> \"{3} (?:\\.|[^\\])*? \"{3} | '{3} (?:\\.|[^\\])*? '{3}
              | " (?:\\.|[^"\\\n])* "     | ' (?:\\.|[^'\\\n])* ' )
    | \#[^\n]*
    """,
    re.VERBOSE | re.DOTALL,
)


def code_fingerprint(table: Table, module: str, others: frozenset[str]) -> str:
    """Hash of the table's declaration and of its module with all it imports of this package.

    Modules that declare other tables (`others`) are left out: what they change comes by their data.
    """
    digest = _digest([module, _READS_RAW_FILES] if table.source else [module], others)
    declared = [(field.name, field.type) for field in table.fields]
    digest.update(repr((declared, table.keys, table.look_back_months)).encode())
    return digest.hexdigest()[:16]


def module_fingerprint(module: str) -> str:
    """Hash of a module with all it imports of this package."""
    return _digest([module], frozenset()).hexdigest()[:16]


def _digest(starts: list[str], others: frozenset[str]) -> hashlib._Hash:
    digest = hashlib.sha256()
    for name in sorted(_closure(starts, others)):
        digest.update(f"{name}\n{_essence(_file(name))}\n".encode())
    return digest


def _closure(starts: list[str], left_out: frozenset[str]) -> set[str]:
    reached: set[str] = set()
    waiting = [name for name in starts if _file(name) is not None]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting += [each for each in _imports(_file(name)) if each not in reached | left_out]
    return reached


def _file(module: str) -> Path | None:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def _imports(path: Path | None) -> tuple[str, ...]:
    found: list[str] = []
    for node in _statements(_tree(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    # The package itself only names its version.
    ours = (name for name in found if name.startswith("lakehouse."))
    return tuple(name for name in ours if _file(name) is not None)


@cache
def _essence(path: Path | None) -> str:
    """The text without comments, docstrings and blank lines; the same on every Python version."""
    lines = _STRING_OR_COMMENT.sub(lambda found: found["string"] or "", _text(path)).splitlines()
    for start, column, end in _docstrings(_tree(path)):
        lines[start - 1 : end] = [lines[start - 1][:column], *[""] * (end - start)]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _statements(tree: ast.Module) -> list[ast.stmt | ast.Module]:
    """The module and all its statements, however deep; expressions, the most of a tree, have none."""
    found: list[Any] = [tree]
    for node in found:
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            found += getattr(node, block, ())
    return found


def _docstrings(tree: ast.Module) -> list[tuple[int, int, int]]:
    holders = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    firsts = [node.body[0] for node in _statements(tree) if isinstance(node, holders) and node.body]
    return [
        (first.lineno, first.col_offset, first.end_lineno or first.lineno)
        for first in firsts
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        if isinstance(first.value.value, str)
    ]


@cache
def _tree(path: Path | None) -> ast.Module:
    return ast.parse(_text(path))


def _text(path: Path | None) -> str:
    return path.read_text(encoding="utf-8") if path else ""

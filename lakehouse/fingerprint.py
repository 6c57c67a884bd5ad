"""A fingerprint of the code that makes a table; it changes if, and only if, that code changes."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import resolve_name
from pathlib import Path
from typing import Any

from lakehouse.bank import SHIPPED, Bank
from lakehouse.errors import BadInput
from lakehouse.table import Table

PACKAGE = Path(__file__).parent
# The module that makes bronze rows from raw files.
_READS_RAW_FILES = "lakehouse.landing.land"
# Only these modules decide what a row becomes, and all of a bank's own package. Storage, runs and output do
# not. Neither does table.py, because each declaration is hashed separately.
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


def code_fingerprints(
    modules: Iterable[tuple[Table, str]], declaring: Iterable[str], bank: Bank = SHIPPED
) -> dict[str, str]:
    """The fingerprint of each table, by full name; `declaring` are all modules that declare a table."""
    code, declares = Code(bank), frozenset(declaring)
    return {
        table.full_name: _fingerprint(code, table, module, declares - {module})
        for table, module in modules
    }


def _fingerprint(code: Code, table: Table, module: str, others: frozenset[str]) -> str:
    """Hash of the table's declaration and of the modules that make its rows, 16 hex digits.

    Modules that declare other tables (`others`) are left out: a change in them shows in their data.
    """
    digest = hashlib.sha256()
    for name in sorted(code.behind(table, module, others)):
        digest.update(code.hashed(name))
    declared = [(field.name, field.type) for field in table.fields]
    digest.update(repr((declared, table.keys, table.look_back_months)).encode())
    if table.source and table.source.decimal == ",":
        digest.update(repr(table.source.sure_numbers).encode())
    return digest.hexdigest()[:16]


def modules_behind(
    table: Table, module: str, others: frozenset[str], bank: Bank = SHIPPED
) -> set[str]:
    """The modules that decide the rows of a table: its own module, and those that it imports."""
    return Code(bank).behind(table, module, others)


class Code:
    """The modules of a bank and of this program, each looked at once: a bank may have a hundred tables."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self._modules: dict[str, _Module | None] = {}
        self._hashed: dict[str, bytes] = {}

    def behind(self, table: Table, module: str, others: frozenset[str]) -> set[str]:
        """The modules that decide the rows of a table: its own module, and those that it imports."""
        reached: set[str] = set()
        waiting = [module, _READS_RAW_FILES] if table.source else [module]
        while waiting:
            name = waiting.pop()
            read = self._module(name)
            if read is not None and name not in reached:
                reached.add(name)
                waiting += [each for each in read.imports if each not in others]
        return reached

    def hashed(self, name: str) -> bytes:
        """The part of a module that enters a fingerprint, with its name."""
        if name not in self._hashed:
            read = self._module(name)
            self._hashed[name] = f"{name}\n{read.essence if read else ''}\n".encode()
        return self._hashed[name]

    def _module(self, name: str) -> _Module | None:
        """A module with those of its imports that decide rows too; None if it has no file."""
        if name not in self._modules:
            path = _file(name, self._bank)
            self._modules[name] = None if path is None else self._read(name, path)
        return self._modules[name]

    def _read(self, name: str, path: Path) -> _Module:
        package = name if path.stem == "__init__" else name.rpartition(".")[0]
        read = _parsed(path, package, path.stat().st_mtime_ns)
        deciding = (each for each in read.imports if _decides_rows(each, self._bank))
        return replace(read, imports=tuple(dict.fromkeys(deciding)))


def _decides_rows(module: str, bank: Bank) -> bool:
    return bool(_DECIDE_ROWS.match(module)) or (not bank.is_shipped and bank.has(module))


def essence(text: str) -> str:
    """A module's text without comments, docstrings and blank lines; the same on every Python version."""
    return _essence(text, ast.parse(text))


@dataclass(frozen=True)
class _Module:
    """The essence of a module, and its imports."""

    essence: str
    imports: tuple[str, ...]


@cache
def _parsed(path: Path, package: str, _changed_ns: int) -> _Module:
    text = path.read_text(encoding="utf-8")
    try:
        tree = ast.parse(text)
        return _Module(_essence(text, tree), _imports(tree, package))
    except (
        SyntaxError,
        ImportError,
    ) as error:  # of a module that is imported only within a function
        raise BadInput(f"{path}: {type(error).__name__}: {error.msg}; correct it") from None


def _file(module: str, bank: Bank) -> Path | None:
    is_own = not bank.is_shipped and bank.has(module)
    root, package = (bank.folder, bank.package) if is_own else (PACKAGE, SHIPPED.package)
    parts = module[len(package) + 1 :].split(".") if is_own else module.split(".")[1:]
    path = root.joinpath(*parts)
    files = (
        [path / "__init__.py"] if path == root else [path.with_suffix(".py"), path / "__init__.py"]
    )
    return next((file for file in files if file.is_file()), None)


def _imports(tree: ast.Module, package: str) -> tuple[str, ...]:
    names: list[str] = []
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = resolve_name("." * node.level + (node.module or ""), package)
            names += [module, *(f"{module}.{alias.name}" for alias in node.names)]
    return tuple(names)


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

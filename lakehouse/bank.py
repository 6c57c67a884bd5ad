"""A bank: the package with the declarations of its tables, found by its folder or its name."""

from __future__ import annotations

import importlib
import json
import keyword
import os
import pkgutil
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from importlib.util import find_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from lakehouse.errors import BadInput, not_installed
from lakehouse.nearest import meant

OF_A_BANK = ("bronze", "silver", "gold")
VARIABLE, PROJECT = "LAKEHOUSE_TABLES", "pyproject.toml"
_PACKAGE = Path(__file__).resolve().parent
_SECTION = re.compile(r"^[ \t]*\[tool\.lakehouse\][ \t]*(?:#.*)?$([^\[]*)", re.MULTILINE)
_TABLES = re.compile(r"""^[ \t]*tables[ \t]*=[ \t]*("(?:[^"\\\n]|\\.)*"|'[^'\n]*')""", re.MULTILINE)
_SAYS = re.compile(r"^[^#\n]*\btool\.lakehouse\b", re.MULTILINE)


@dataclass(frozen=True)
class Bank:
    """A package of declarations: the name that a datamart keeps, and the package with its folder."""

    name: str
    package: str
    folder: Path

    @property
    def is_shipped(self) -> bool:
        """Whether it is the bank that comes with this program."""
        return self.package == SHIPPED.package

    @property
    def option(self) -> str:
        """The option by which a command names it, with a blank in front; empty for the shipped bank."""
        return "" if self.is_shipped else f" --tables {self.folder}"

    def has(self, module: str) -> bool:
        """Whether a module is of its package."""
        return module == self.package or module.startswith(f"{self.package}.")

    def module(self, name: str) -> ModuleType:
        """A module of its package; BadInput, with file and line, if it cannot be imported."""
        try:
            return importlib.import_module(name)
        except (Exception, SystemExit) as error:
            # A library that is not installed is told as such; a bank of one's own may name any module.
            if self.is_shipped and isinstance(error, ModuleNotFoundError) and not_installed(error):
                raise
            raise BadInput(_why_not(error, self.folder, name)) from error


SHIPPED = Bank("lakehouse", "lakehouse", _PACKAGE)


def chosen(tables: str | Path | None = None) -> Bank:
    """The bank that is named by a folder or package, or by LAKEHOUSE_TABLES, or by a pyproject.toml.

    That is the one of the current folder, or else the one beside main.py. Without any it is the shipped bank.
    BadInput if there is no such bank.
    """
    by, given, base = _given(tables)
    if given in ("", SHIPPED.package):
        return SHIPPED
    folder = base / Path(given).expanduser()
    is_path = not re.fullmatch(r"\w+(\.\w+)*", given)
    try:
        found = _of_folder(folder) if is_path or folder.is_dir() else _of_package(given, base)
        return _named(found)
    except BadInput as refused:
        raise BadInput(f"{by} {given}: {refused}") from refused.__cause__


def _given(tables: str | Path | None) -> tuple[str, str, Path]:
    """By what the bank is named, its folder or package, and the folder to which that is relative."""
    here = Path.cwd()
    if tables is not None:
        # As of a variable of a script that is not set: nobody meant the shipped bank.
        if not str(tables).strip():
            raise BadInput(
                f"--tables is empty; {_instead('', ())}, or {SHIPPED.package} for the shipped one"
            )
        return "--tables", str(tables), here
    if of_environment := os.environ.get(VARIABLE):
        return VARIABLE, of_environment, here
    for folder in (here, _PACKAGE.parent):
        if of_project := _of_project(folder / PROJECT):
            return f"tables of {folder / PROJECT}", of_project, folder
    return "", "", here


def _of_project(file: Path) -> str | None:
    """The tables of `[tool.lakehouse]` in a pyproject.toml; None if it says nothing of them."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    # Python 3.10 has no reader of TOML, and one line is all that there is to read.
    if not _SAYS.search(text):
        return None
    section = _SECTION.search(text)
    value = _TABLES.search(section[1]) if section else None
    if value is None:
        raise BadInput(f'{file}: write it as two lines, [tool.lakehouse] and tables = "folder"')
    return str(json.loads(value[1])) if value[1].startswith('"') else value[1][1:-1]


def _of_folder(given: Path) -> Bank:
    # A link is not followed, because its name is that of the bank.
    folder = given.resolve() if given.name == ".." else given.absolute()
    name = folder.name
    if folder.resolve() == _PACKAGE:
        return SHIPPED
    if not folder.is_dir():
        raise BadInput(f"there is no such folder; {_instead(name, _beside(folder))}")
    _check_layers(folder)
    check_name(folder)
    if not any(_finds(each, name) for each in sys.meta_path):
        sys.meta_path.insert(0, _Finder(name, folder))
    return Bank(name, name, folder)


def check_name(folder: Path) -> None:
    """BadInput if the name of a folder is not that of a package, or if another package has it."""
    name = folder.name
    if not name.isidentifier() or keyword.iskeyword(name):
        raise BadInput(
            f"the folder of a bank is a package of Python, and {name!r} is no name of one; rename it to "
            "letters, digits and underscores"
        )
    if name not in sys.modules:
        # The finder of another folder, which could not be imported, would find the modules there.
        sys.meta_path[:] = [each for each in sys.meta_path if not _finds(each, name)]
    if other := _other_package(name, folder):
        raise BadInput(f"another package is called {name} ({other}); rename the folder")


def _of_package(name: str, base: Path) -> Bank:
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:
        spec = None
    except Exception as error:
        raise BadInput(_why_not(error, base, name)) from error
    places = spec.submodule_search_locations if spec else None
    if not places:
        raise BadInput(
            f"there is no such folder or package; {_instead(name, _packages(name, base))}"
        )
    folder = Path(next(iter(places)))
    _check_layers(folder)
    return Bank(name.rpartition(".")[2], name, folder)


def _named(bank: Bank) -> Bank:
    """The bank with the name that it declares as BANK in its `__init__.py`; else that of its package."""
    if bank.is_shipped:
        return bank
    name = getattr(bank.module(bank.package), "BANK", bank.name)
    if not isinstance(name, str) or not re.fullmatch(r"[\w.-]+", name) or name == SHIPPED.name:
        raise BadInput(
            f"it declares BANK = {name!r}; declare a name of letters, digits and - that is not "
            f"{SHIPPED.name}"
        )
    return Bank(name, bank.package, bank.folder)


def _check_layers(folder: Path) -> None:
    if _has_layers(folder):
        return
    inner = [f"{each.name}" for each in _folders(folder) if _is_bank(each)]
    hint = f"is it {folder.name}/{inner[0]}?" if inner else "a bank keeps its tables in these"
    named = f"{', '.join(OF_A_BANK[:-1])} or {OF_A_BANK[-1]}"
    raise BadInput(f"it has no folder {named} with modules of Python; {hint}")


def _has_layers(folder: Path) -> bool:
    # A datamart has folders of these names, too.
    return any(next((folder / layer).glob("*.py"), None) for layer in OF_A_BANK)


def _is_bank(folder: Path) -> bool:
    return folder != _PACKAGE and _has_layers(folder)


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(each for each in folder.iterdir() if each.is_dir() and each.name[0] != ".")
    except OSError:
        return []


def _beside(folder: Path) -> list[str]:
    return [each.name for each in _folders(folder.parent) if _is_bank(each)]


def _packages(name: str, base: Path) -> list[str]:
    """The banks of a folder, and the packages that can be imported, from where a dotted name points to."""
    parent = name.rpartition(".")[0]
    within = [*getattr(sys.modules.get(parent), "__path__", ())] if parent else None
    packages = {each.name for each in pkgutil.iter_modules(within) if each.ispkg}
    places = [base] if within is None else map(Path, within)
    banks = {bank for place in places for bank in _beside(place / name)}
    prefix = f"{parent}." if parent else ""
    return [f"{prefix}{each}" for each in sorted(packages | banks) if each[0] != "_"]


def _instead(name: str, names: Sequence[str]) -> str:
    near = meant(name, names)
    return f"is it {near}?" if near else "give the folder of a bank, or the name of its package"


def _other_package(name: str, folder: Path) -> str | None:
    """The place of another package or module of that name; None if there is none that could be imported."""
    loaded = sys.modules.get(name)
    try:
        spec = find_spec(name)
    except ValueError:  # a module without a spec
        return str(getattr(loaded, "__file__", "loaded"))
    if spec is None:
        return None
    places = [*(spec.submodule_search_locations or ())]
    if any(Path(each).resolve() == folder.resolve() for each in places):
        return None
    # A folder without `__init__.py` is hardly meant as a package, unless it is a bank that was loaded.
    if spec.origin is None and loaded is None:
        return None
    return spec.origin or places[0]


class _Finder:
    """Finds the modules of a bank's folder under the folder's own name, which need not be on the path."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self._folder = name, folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: Any = None
    ) -> ModuleSpec | None:
        if fullname == self.name:
            return self._of_package()
        if not fullname.startswith(f"{self.name}."):
            return None
        for place in path or ():
            finder = FileFinder(place, (_Source, SOURCE_SUFFIXES))
            if spec := finder.find_spec(fullname):
                return spec
        return None

    def _of_package(self) -> ModuleSpec:
        init, places = self._folder / "__init__.py", [str(self._folder)]
        if init.is_file():
            loader = _Source(self.name, str(init))
            made = spec_from_file_location(
                self.name, init, loader=loader, submodule_search_locations=places
            )
            assert made is not None
            return made
        spec = ModuleSpec(self.name, None, is_package=True)
        spec.submodule_search_locations = places
        return spec


def _finds(finder: object, name: str) -> bool:
    return isinstance(finder, _Finder) and finder.name == name


class _Source(SourceFileLoader):
    """Reads a module from its text, and neither reads nor writes compiled code.

    Python takes compiled code for that of a text with the same size and second of change. A run that is
    started by a script right after an edit would then compute with the old code.
    """

    def path_stats(self, path: Any) -> Any:
        raise OSError("compiled code is not used")


def _why_not(error: BaseException, folder: Path, module: str) -> str:
    """Why a module cannot be imported: file, line and what, in one line."""
    what = str(error) if isinstance(error, BadInput) else f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError):
        what = f"{type(error).__name__}: {error.msg}"
        places = [(error.filename or "", error.lineno)]
    else:
        places = [*_places(error, folder)]
    place = "{}:{}: ".format(*places[-1]) if places else ""
    return " ".join(f"{place}{module} cannot be imported, {what}".split())


def _places(error: BaseException, folder: Path) -> Iterator[tuple[str, int | None]]:
    for frame in traceback.extract_tb(error.__traceback__):
        if Path(frame.filename).is_relative_to(folder):
            yield frame.filename, frame.lineno

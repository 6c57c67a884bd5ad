"""Files that a scaffold writes: all of them or none, and never over one that is there."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from lakehouse.bank import Bank, chosen
from lakehouse.catalog import Catalog, load
from lakehouse.errors import BadInput
from lakehouse.words import named


@dataclass
class Written:
    """The files and folders that a scaffold has written, and the old text of those it changed."""

    files: list[Path] = field(default_factory=list)
    _folders: list[Path] = field(default_factory=list)
    _before: dict[Path, str] = field(default_factory=dict)

    def add(self, folder: Path, texts: Mapping[str, str]) -> None:
        """Write new files, by their names within a folder; BadInput if one of them is there."""
        there = [name for name in texts if (folder / name).exists()]
        if there:
            raise BadInput(
                f"{folder} has {named(there)} already; nothing was written: choose another name, or remove "
                "what is there"
            )
        for name, text in texts.items():
            self._make(folder / name, text)

    def change(self, file: Path, text: str) -> None:
        """Give a file that is there another text."""
        self._before.setdefault(file, file.read_text(encoding="utf-8"))
        file.write_text(text, encoding="utf-8")
        self.files.append(file)

    def undo(self) -> None:
        """Leave everything as it was before."""
        for file, text in self._before.items():
            file.write_text(text, encoding="utf-8")
        for file in self.files:
            if file not in self._before:
                file.unlink(missing_ok=True)
        for folder in reversed(self._folders):
            with suppress(OSError):  # somebody else has put a file there
                folder.rmdir()

    def _make(self, file: Path, text: str) -> None:
        missing = [each for each in (file.parent, *file.parent.parents) if not each.exists()]
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            self._folders.append(folder)
        # Not over a file that came meanwhile.
        with file.open("x", encoding="utf-8", newline="\n") as out:
            self.files.append(file)
            out.write(text)


@contextmanager
def all_or_none() -> Iterator[Written]:
    """A place for new files; an error leaves everything as it was."""
    written = Written()
    try:
        yield written
    except BaseException:
        written.undo()
        raise


def own_bank(tables: str | None, command: str) -> Bank:
    """The bank that a scaffold adds to; BadInput for the shipped one, which is changed by hand."""
    bank = chosen(tables)
    if bank.is_shipped:
        raise BadInput(
            f"{command} writes into your own bank, and none is named; give --tables DIR, or make one with "
            "`python main.py new bank DIR` (the shipped bank is changed by hand)"
        )
    return bank


def loaded_again(tables: str | None, bank: Bank) -> Catalog:
    """The catalog of a bank as its files are now, although this process has loaded it before."""
    for name in [name for name in sys.modules if bank.has(name)]:
        del sys.modules[name]
    return load(tables)

"""The corner bank with one part more, as payments: its raw files, its datamart and its commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from lakehouse.cli import main
from lakehouse.lake import Lakehouse
from tests.banks.files import copied
from tests.banks.files import write as write_corner


class Part(Protocol):
    """A module that adds declarations to a bank, and their raw files to its data."""

    GROUP: str

    def add(self, bank: Path, /) -> Any:
        """Add the declarations."""

    def write(self, data: Path, /) -> Any:
        """Write the raw files."""


class Home:
    """A bank with a part more, its raw files and its datamart."""

    def __init__(self, root: Path, part: Part) -> None:
        self._group = part.GROUP
        self.root, self.data = root, write_corner(root / "data")
        name = part.GROUP.rpartition("_")[2]
        self.bank = copied(root / f"{name}_{root.name}".replace("-", "_"))
        part.add(self.bank)
        part.write(self.data)

    def argv(self, *words: str, at: str = "datamart") -> list[str]:
        of_bank = ["--tables", str(self.bank), "--datamart", str(self.root / at)]
        return [*words, "--data", str(self.data), *of_bank]

    def run(self, *words: str, at: str = "datamart") -> None:
        assert main(self.argv("run", *words, at=at)) == 0

    def lake(self, at: str = "datamart") -> Lakehouse:
        return Lakehouse(self.root / at, tables=self.bank)

    def gold(self, at: str = "datamart") -> list[Any]:
        """The rows of the part's feature group, in one order."""
        found = self.lake(at).sql(f"SELECT * FROM {self._group}").collect()
        return sorted(map(tuple, found), key=str)

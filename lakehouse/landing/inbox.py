"""The inbox: the raw files that lie in the data folder, by the source that they are of.

A file is of a source if it has one of its names, begins as they do, or lies in a folder that is called so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from lakehouse.errors import BadInput
from lakehouse.landing.file_names import Claims, base, day_in, elsewhere, escaped, is_odd
from lakehouse.landing.raw_file import RawFile, Refused
from lakehouse.patterns import is_like
from lakehouse.storage.data_folder import DataPlace, Found
from lakehouse.table import RAW_SUFFIXES, Source
from lakehouse.words import counted


@dataclass(frozen=True)
class Listing:
    """The files of one source in the data folder, by name: those to take, and those that are refused.

    `left_out` are names that begin as the source's do, and are not of its form.
    """

    source: Source
    files: tuple[RawFile, ...] = ()
    refused: tuple[Refused, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def told_left_out(self) -> str | None:
        """One line about the names left out; None where there are none."""
        if not self.left_out:
            return None
        first = self.left_out[0]
        return (
            f"{counted(len(self.left_out), 'name')} that may be of {self.source.name} left out, as {first}: "
            f"{_form(self.source)}"
        )


class Inbox:
    """The data folder as it was when it was first looked at, sorted by source."""

    def __init__(self, place: DataPlace, sources: Sequence[Source]) -> None:
        self._place = place
        self._sources = sources

    def listing(self, source: Source) -> Listing:
        """The files of a source; BadInput if the folder cannot be listed."""
        return self._listings[source.name]

    def path(self, file: RawFile) -> Path:
        """The file on this machine; BadInput if it is no longer the one that was listed."""
        return self._place.on_this_machine(file.name, file.size, file.stamp)

    def none_of(self, source: Source) -> BadInput:
        """The refusal of a run that needs a file of the source, where there is none."""
        left_out = self.listing(source).left_out
        hint = f" ({left_out[0]} is there: {_form(source)})" if left_out else ""
        names = " or ".join(source.file_names)
        return BadInput(f"{self._place} holds no {names}{hint}; put the {source.name} file there.")

    @property
    def of_no_source(self) -> tuple[str, ...]:
        """The names of raw files that no source takes, and that begin as none does."""
        return self._sorted_out[1]

    @property
    def told_of_no_source(self) -> str | None:
        """One line about raw files that no source takes; None if there are none."""
        names = self.of_no_source
        if not names:
            return None
        are, their = ("is", "its") if len(names) == 1 else ("are", "their")
        return (
            f"{counted(len(names), 'raw file')} {are} of no source of this bank, as {names[0]}; no table has "
            f"{their} rows"
        )

    @property
    def _listings(self) -> dict[str, Listing]:
        return self._sorted_out[0]

    @cached_property
    def _sorted_out(self) -> tuple[dict[str, Listing], tuple[str, ...]]:
        """The listing of each source, and the names of raw files that are of none."""
        claims = Claims(self._sources)
        sorted_out = {source.name: _Sorted(source) for source in self._sources}
        of_none: list[str] = []
        for found in sorted(self._place.found(claims.walks), key=lambda each: each.name):
            taking = claims.taking(found.name)
            for source in taking:
                others = [other.name for other in taking if other is not source]
                sorted_out[source.name].take(found, others)
            near = [] if taking else claims.near(found.name, found.why != "")
            for source in near:
                sorted_out[source.name].leave(found)
            if not (taking or near) and found.name.lower().endswith(RAW_SUFFIXES):
                of_none.append(escaped(found.name))
        listings = {name: each.listing(str(self._place)) for name, each in sorted_out.items()}
        return listings, tuple(of_none)


@dataclass
class _Sorted:
    """The files and names found so far of one source."""

    source: Source
    files: list[RawFile] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def take(self, found: Found, others: Sequence[str]) -> None:
        """Take a file that is of the source by its name, or refuse it."""
        name = found.name
        why = found.why or self._why_not(name, others)
        if why:
            self.refused.append(Refused(escaped(name), escaped(why)))
        else:
            deletes = is_like(name, self.source.deleted_names)
            self.files.append(RawFile(name, found.size, found.stamp, deletes))

    def leave(self, found: Found) -> None:
        """Leave out what is not of the source's form; a folder in the place of a file is refused."""
        name = found.name.removesuffix("/")
        if found.why:
            self.refused.append(Refused(escaped(name), escaped(found.why)))
        elif name != found.name and name.lower().endswith(RAW_SUFFIXES):
            told = f"{escaped(name)} is a folder, not a file; put the file in its place"
            self.refused.append(Refused(escaped(name), told))
        else:
            self.left_out.append(escaped(found.name))

    def listing(self, place: str) -> Listing:
        """The listing; files that cannot both be there are refused."""
        there = {file.name for file in self.files}
        plain = [name for name in self.source.file_names if name in there]
        if len(plain) > 1:
            both = f"{place} holds both {' and '.join(plain)}: which is it? Remove one of them."
            self._refuse(dict.fromkeys(plain, both))
        alike = defaultdict(list)
        for file in self.files:
            alike[elsewhere(file.name)].append(file.name)
        for names in alike.values():
            if len(names) > 1:
                self._refuse(
                    {
                        name: f"{name} and {other} differ only in case or in the form of a letter; "
                        "rename one of them"
                        for name, other in zip(names, names[1:] + names[:1], strict=True)
                    }
                )
        refused = sorted(self.refused, key=lambda each: each.name)
        return Listing(self.source, tuple(self.files), tuple(refused), tuple(self.left_out))

    def _refuse(self, why_by_name: dict[str, str]) -> None:
        self.files = [file for file in self.files if file.name not in why_by_name]
        self.refused += [Refused(name, why) for name, why in why_by_name.items()]

    def _why_not(self, name: str, others: Sequence[str]) -> str:
        if others:
            return (
                f"{name} is of {self.source.name} and of {' and '.join(others)} by their declared patterns; "
                "declare patterns of which only one has it"
            )
        if is_odd(name):
            return f"{name} has signs in its name that cannot be seen, or that are not UTF-8; rename it"
        if self.source.supersedes == "date" and day_in(name) is None:
            return (
                f"{name} has no date in its name, or several, and the later file of {self.source.name} is "
                "declared to be that of the later date; rename it as loans_2024-07-31.csv"
            )
        return ""


def _form(source: Source) -> str:
    """The form of the names that a source takes."""
    if source.patterns:
        return f"its files are declared as {' or '.join(source.patterns)}"
    begin = base(source.file_names[0])
    return (
        f"a file of it is called {begin}*.csv, .csv.gz, .csv.zst or .parquet, or lies in {begin}/"
    )

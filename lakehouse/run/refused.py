"""Raw files that are refused while others are taken, and what is told of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lakehouse.landing.raw_file import Refused


@dataclass(frozen=True)
class RefusedFile:
    """A raw file of a bronze table that is not taken, and why, as a sentence."""

    table: str
    file: str
    why: str


def refused_files(by_table: Mapping[str, Sequence[Refused]]) -> tuple[RefusedFile, ...]:
    """The refused files of all tables."""
    return tuple(
        RefusedFile(table, each.name, each.why)
        for table, refused in by_table.items()
        for each in refused
    )


def told_refused(refused: Sequence[RefusedFile], there: int) -> str:
    """One line: why the first file is refused, and how many are of those that are there."""
    why = refused[0].why
    is_one = len({each.why for each in refused}) == 1
    return why if is_one else f"{len(refused):,} of {there:,} files are refused, the first: {why}"


def told_held_back(refused: Sequence[RefusedFile], there: int, is_published: bool) -> str:
    """The line with which a run ends that took the other files."""
    others = f"{told_refused(refused, there).removesuffix('.')}; the others were taken"
    if is_published:
        return f"{others} and published"
    it = "it" if len(refused) == 1 else "them"
    return f"{others}, but nothing was published: mend or remove {it} and run again, or give --publish-good"

"""Faults between sources: two that would take the same files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

from lakehouse.declared.names import twice
from lakehouse.patterns import is_like
from lakehouse.table import Source

# A text that stands for anything in a pattern; nobody calls a file so.
_ANY = "\x00"


def file_faults(sources: Sequence[Source]) -> Iterator[str]:
    """Sources of one name, and files that more than one source would take."""
    for name in twice([source.name for source in sources]):
        yield f"source {name} is declared twice; rename one"
    names = [name for source in sources for name in dict.fromkeys(source.file_names)]
    for name in twice(names):
        owners = [s.name for s in sources if name in map(str.lower, s.file_names)]
        yield f"sources {' and '.join(owners)} both take {name}; leave it to one of them"
    declaring = [source for source in sources if source.patterns]
    for one, other in permutations(declaring, 2):
        yield from _covered(one, other)


def _covered(one: Source, other: Source) -> Iterator[str]:
    """The patterns of a source whose every file, whatever stands for its *, is also one of another source."""
    for pattern in one.patterns:
        is_same = any(pattern.lower() == each.lower() for each in other.patterns)
        if is_same and one.name > other.name:
            continue  # it is told of the other one
        if is_like(_instance(pattern), other.patterns):
            yield (
                f"sources {one.name} and {other.name} both take files like {pattern}; declare patterns of "
                "which only one has a file"
            )


def _instance(pattern: str) -> str:
    """The name of a file that a pattern takes, as unlike any other as can be."""
    return pattern.replace("**", _ANY).replace("*", _ANY).replace("?", _ANY)

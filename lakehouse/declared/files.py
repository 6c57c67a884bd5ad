"""Faults between sources: two that would take the same files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

from lakehouse.declared.names import instead, twice, unknown
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
    yield from _owned(sources)
    declaring = [source for source in sources if source.patterns]
    for one, other in permutations(declaring, 2):
        yield from _covered(one, other)


def _owned(sources: Sequence[Source]) -> Iterator[str]:
    """Sources whose rows are a person's by way of another source that cannot tell whose."""
    by_name = {source.name: source for source in sources}
    for source in sources:
        by, place = source.owned_by, f"source {source.name}"
        if by is None:
            continue
        owner = by_name.get(by.source)
        if source.entity:
            yield f"{place} has the entity {source.entity} and is owned_by {by.source}; declare one of them"
        if owner is None or not owner.entity:
            why = "which has no entity" if owner else "which no module declares"
            yield f"{place} is owned_by {by.source}, {why}; {instead(by.source, by_name, 'the catalog')}"
            continue
        yield from unknown(f"{place} is owned_by", "column", [by.column], source.header)
        named = [by.column, *(by.where[:1] if by.where else ())]
        yield from unknown(f"{place} is owned_by {owner.name}", "its column", named, owner.header)


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

"""The names that are nearest to one that does not exist."""

from __future__ import annotations

from collections.abc import Iterable

from lakehouse.nearest import meant

_SHOWN = 6


def instead(name: str, names: Iterable[str]) -> str:
    """A hint of what to write instead of a name, to end a sentence: the nearest ones, or what there is."""
    existing = list(dict.fromkeys(names))
    if near := meant(name, existing):
        return f"is it {near}?"
    more = f" and {len(existing) - _SHOWN} more" if len(existing) > _SHOWN else ""
    if len(existing) < 2:
        return f"there is {existing[0] if existing else 'none'}"
    return f"there are {', '.join(existing[:_SHOWN])}{more}"

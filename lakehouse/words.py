"""Numbers in words for messages."""

from __future__ import annotations

from collections.abc import Sequence


def counted(number: int, one: str) -> str:
    """A number with the word for what it counts, as `1 row` or `2,000 rows`."""
    return f"{number:,} {one if number == 1 else f'{one}s'}"


def named(names: Sequence[str], shown: int = 5) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def spans(numbers: Sequence[int]) -> str:
    """Ascending numbers in few words: `1, 3 to 7`."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1].append(number)
        else:
            found.append([number])
    return ", ".join(f"{s[0]}" if len(s) == 1 else f"{s[0]} to {s[-1]}" for s in found)

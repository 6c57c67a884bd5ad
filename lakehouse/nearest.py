"""The name that was probably meant where one is unknown."""

from __future__ import annotations

from collections.abc import Iterable

_CLEARLY = 0.1


def meant(name: str, names: Iterable[str]) -> str:
    """The names that are spelled nearly like `name`, as `a or b`; empty if there are none."""
    import difflib

    # A user of Python may give any value for a name.
    folded, by_folded = str(name).casefold(), {each.casefold(): each for each in names}
    near = difflib.get_close_matches(folded, by_folded, n=3)
    likeness = [difflib.SequenceMatcher(None, each, folded).ratio() for each in near]
    # Names of one layer begin alike, so those that are clearly less like it are left out.
    return " or ".join(
        by_folded[each]
        for each, like in zip(near, likeness, strict=True)
        if like > likeness[0] - _CLEARLY
    )

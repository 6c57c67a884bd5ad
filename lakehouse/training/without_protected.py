"""The features of a training set without those that carry a protected attribute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lakehouse.errors import BadInput
from lakehouse.protected import Protected
from lakehouse.table import Table


def without_protected(
    features: Mapping[Table, Sequence[str]], protected: Iterable[Protected], asked: Sequence[str]
) -> dict[Table, tuple[str, ...]]:
    """The features by table, but those of the attributes; BadInput if one of these was asked for by name."""
    carried = {name: each.name for each in protected for name in each.carried_by}
    for name in asked:
        if name in carried:
            raise BadInput(
                f"feature {name} carries the protected attribute {carried[name]}; leave it out, or "
                "--without-protected"
            )
    return {
        table: tuple(name for name in names if name not in carried)
        for table, names in features.items()
    }

"""What a table holds, as its commits or a release say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lakehouse.landing.extent import Extent
from lakehouse.months import MonthRange


@dataclass(frozen=True)
class Recorded:
    """What a table's newest commit, or a release since, says that it holds.

    `consumed` is the version of each upstream; `sha256` and `scopes` are the raw file and its months,
    `extent` how far it was read, where it can be read on from there;
    `pending_months` had not been written when a run was stopped between two commits. `again`: why all
    of it is to be taken anew. `undo_to`: the version before another program wrote. `lost`: partitions
    of which files were lost since the release.
    """

    version: int
    code: str | None = None
    consumed: Mapping[str, int] = field(default_factory=dict)
    sha256: str | None = None
    scopes: tuple[MonthRange, ...] = ()
    extent: Extent | None = None
    pending_months: tuple[str, ...] = ()
    again: str = ""
    undo_to: int | None = None
    lost: tuple[str, ...] = ()

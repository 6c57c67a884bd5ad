"""The declaration of a protected attribute: one by which the law forbids to treat people differently."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Protected:
    """A protected attribute: the feature that forms groups of people, and all features that carry it.

    With `band` the feature is a number, and a group is the numbers from one multiple of it to the next.
    """

    name: str
    doc: str
    feature: str
    carried_by: tuple[str, ...]
    band: int | None = None

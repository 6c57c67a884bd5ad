"""A raw file as it was listed: its name, its size, and a stamp that differs when it is written again."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.storage import stamps


@dataclass(frozen=True)
class RawFile:
    """A file of a source: its name within the data folder, with /, its bytes, and its stamp.

    `stamp` differs when the file is written again. `deletes`: each of its rows deletes a key.
    """

    name: str
    size: int
    stamp: str
    deletes: bool = False

    def is_settled(self, read_at_ns: int) -> bool:
        """Whether each write after that time, when its bytes were read, gives the file another stamp."""
        return stamps.is_settled(self.stamp, read_at_ns)


@dataclass(frozen=True)
class Refused:
    """A file that is not taken, and why: one sentence that names it and says what to do."""

    name: str
    why: str

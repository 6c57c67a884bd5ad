"""A release as a value, and Pins: the table versions that a release or a receipt needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.table import ROW_HASH

_NUMBER = "release"
_COLUMNS = [name for name in RELEASES.columns if name != ROW_HASH]


@dataclass(frozen=True)
class Pins:
    """The versions of tables, by full name, that a release or a training set needs.

    `name` says in words which one it is, `moment` (UTC) is when it was made. `commits` are the identities
    of the versions, without those of a release of an older program. `given_up_at` is when vacuum gave a
    release up.
    """

    name: str
    moment: datetime
    versions: Mapping[str, int]
    commits: Mapping[str, str]
    given_up_at: datetime | None = None


@dataclass(frozen=True)
class Release:
    """A row of ledger/releases; the declaration of that table describes the columns."""

    number: int
    run_id: str
    finished_at: datetime
    months: Sequence[str]
    through: str | None
    versions: Mapping[str, int]
    commits: Mapping[str, str]
    row_counts: Mapping[str, int]
    sources: Mapping[str, str]
    code: Mapping[str, str]
    code_fingerprint: str
    engine: str
    checksums: Mapping[str, str]
    given_up_at: datetime | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Release:
        """The release of a row; a datamart of an older program version may lack columns."""
        named: dict[str, Any] = {name: row.get(name) for name in _COLUMNS}
        return cls(number=named.pop(_NUMBER), **named)

    def as_row(self) -> dict[str, Any]:
        """The row, in the order of its columns."""
        return {name: self.number if name == _NUMBER else getattr(self, name) for name in _COLUMNS}

    @property
    def is_kept(self) -> bool:
        """Whether vacuum has not given it up."""
        return self.given_up_at is None

    @property
    def pins(self) -> Pins:
        """The table versions of the release."""
        return Pins(
            f"release {self.number}",
            self.finished_at,
            self.versions,
            self.commits,
            self.given_up_at,
        )

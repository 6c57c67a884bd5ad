"""The part of its raw files that a table has taken."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from lakehouse.months import MonthRange
from lakehouse.releases.deliveries import Taken, digest
from lakehouse.storage.commit_note import SourceRecord

Scopes = tuple[MonthRange, ...]


def together(before: Mapping[str, Taken], now: Mapping[str, Taken]) -> SourceRecord:
    """The record of a table that had taken files, by name, and has now taken some: what all of them have."""
    every = {**before, **now}
    sha256, earlier = digest(every), digest(before)
    if len(every) == 1:
        (only,) = every.values()
        return only.record
    records = [taken.record for taken in every.values()]
    return SourceRecord(
        sha256,
        _common({record.scopes for record in records}),
        rows_only=all(record.rows_only for record in records),
        waits_until=min((r.waits_until for r in records if r.waits_until), default=None),
        before=None if earlier == sha256 else earlier,
    )


def _common(of_files: Collection[Scopes]) -> Scopes:
    """The months that were taken of every file."""
    every = {scope for scopes in of_files for scope in scopes}
    shared = {
        scope for scope in every if all(any(s.covers(scope) for s in each) for each in of_files)
    }
    within = {scope for scope in shared if any(s.covers(scope) for s in shared - {scope})}
    return tuple(sorted(shared - within, key=lambda scope: (scope.first or "", scope.last or "")))

"""The orders in which raw files were read before, by SHA-256, from all that still tells of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from deltalake.exceptions import DeltaError

from lakehouse.days import DateOrder
from lakehouse.errors import LedgerFault
from lakehouse.releases import published
from lakehouse.storage.commit_note import SourceRecord
from lakehouse.storage.log import Log
from lakehouse.table import Table


def date_orders(log: Log, tables: Iterable[Table]) -> dict[str, DateOrder]:
    """The order of each file whose order mattered; the newest record of a file wins.

    A ledger or a log that cannot be read tells nothing.
    """
    orders = {}
    for record in _records(log, tables):
        if record.sha256 and record.date_order:
            orders[record.sha256] = record.date_order
    return orders


def _records(log: Log, tables: Iterable[Table]) -> Iterator[SourceRecord]:
    """Oldest first: those of releases, then those of the commits of each table."""
    with suppress(DeltaError, LedgerFault):
        for release in published.releases(log):
            yield from map(SourceRecord.from_json, release.sources.values())
    for table in tables:
        with suppress(DeltaError):
            commits = log.history(table) if log.exists(table) else []
            yield from (each.note.source for each in reversed(commits) if each.note.source)

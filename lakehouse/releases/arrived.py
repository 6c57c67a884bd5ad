"""Whether a file of a source has ever come."""

from __future__ import annotations

from lakehouse.releases.deliveries import newest_taken
from lakehouse.storage.log import Log
from lakehouse.table import Table


def has_come(log: Log, bronze: Table) -> bool:
    """Whether a file of the table's source was taken; a run that was stopped may only have made the table."""
    assert bronze.source is not None
    is_taken = bool(newest_taken(log).get(bronze.source.name))
    return is_taken or (log.exists(bronze) and bool(log.rows_by_month(bronze)))

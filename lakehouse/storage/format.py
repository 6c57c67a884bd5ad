"""The format of a datamart: older ones are read and upgraded by the next run, newer ones are refused.

1: version 0.1.0, which did not write its number.
2: releases also identify the commit of each version.
3: rows of the ledger have a hash, and a copy in a folder beside the tables.
4: a source may have many files. An older program would take one of them for all rows of its months, and would
   leave an erased person among the superseded rows.
"""

from __future__ import annotations

from lakehouse.errors import BadInput
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.storage.log import Log

FORMAT = 4
_PROPERTY = "lakehouse.format"
# The properties with which the ledger's releases begin.
OF_FORMAT = {_PROPERTY: str(FORMAT)}


def format_of(log: Log) -> int:
    """The format of a datamart that has a ledger."""
    return int(log.properties(RELEASES).get(_PROPERTY, 1))


def check_format(log: Log, datamart: object) -> None:
    """BadInput if a newer program has written the datamart."""
    found = format_of(log)
    if found > FORMAT:
        raise BadInput(
            f"datamart {datamart} has format {found}, and this program knows formats up to {FORMAT}; a "
            "newer version of it has written there: use that one"
        )


def write_format(log: Log) -> None:
    """Write this program's format, as the last step of an upgrade; a killed upgrade is done again."""
    if format_of(log) < FORMAT:
        log.set_properties(RELEASES, OF_FORMAT)

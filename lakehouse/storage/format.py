"""The format of a datamart, and the bank that it holds; both stand in the properties of its tables.

Older formats are read and upgraded by the next run, newer ones are refused.
1: version 0.1.0, which did not write its number.
2: releases also identify the commit of each version.
3: rows of the ledger have a hash, and a copy in a folder beside the tables.
4: a source may have many files. An older program would take one of them for all rows of its months, and would
   leave an erased person among the superseded rows.
5: of another bank than the shipped one. An older program would put the shipped tables beside its own. A
   datamart of the shipped bank stays at 4.
"""

from __future__ import annotations

from contextlib import suppress

from deltalake.exceptions import DeltaError

from lakehouse.bank import SHIPPED
from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.errors import BadInput
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from lakehouse.table import Table

FORMAT, OF_SHIPPED = 5, 4
_FORMAT, _BANK = "lakehouse.format", "lakehouse.bank"


def format_of(log: Log) -> int:
    """The format of a datamart that has a ledger."""
    return int(log.properties(RELEASES).get(_FORMAT, 1))


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
    properties = properties_of(RELEASES, bank_of(log) or SHIPPED.name)
    if format_of(log) < int(properties[_FORMAT]):
        log.set_properties(RELEASES, properties)


def properties_of(table: Table, bank: str) -> dict[str, str]:
    """The properties with which a table begins: all name the bank, and the releases have the format too."""
    number = OF_SHIPPED if bank == SHIPPED.name else FORMAT
    return {_BANK: bank} | ({_FORMAT: str(number)} if table == RELEASES else {})


def bank_of(log: Log) -> str | None:
    """The name of the bank that a datamart holds; None if there is no datamart, or none that can be read."""
    # A ledger that is lost is made again, and must not change the bank; the quarantine knows it as well.
    for table in (RELEASES, QUARANTINE):
        with suppress(DeltaError):
            return log.properties(table).get(_BANK, SHIPPED.name)
    return None


def check_bank(datamart: Datamart) -> None:
    """BadInput if the datamart holds another bank than the one whose tables are declared."""
    held, declared = bank_of(datamart.log), datamart.catalog.bank.name
    if held not in (None, declared):
        raise BadInput(
            f"datamart {datamart} holds the bank {held}, and these are the tables of {declared}; name those "
            "of its bank with --tables, or another folder with --datamart"
        )

"""Data files that no release has recorded: a run that was stopped wrote them, so no checksum tells of rot.

In bronze the hashes of their rows are computed again. In silver and gold their months are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lakehouse.errors import LakehouseError
from lakehouse.releases import published
from lakehouse.releases.state import State
from lakehouse.storage.data_file import DataFile, data_files
from lakehouse.storage.log import Log
from lakehouse.table import Table
from lakehouse.upkeep.altered import altered, has_hashes, told

Unproven = Mapping[str, Sequence[DataFile]]  # by full name of the table


def unproven(log: Log, state: State) -> Unproven:
    """The files of each table with commits since the newest release that no release has recorded.

    Nothing of an object store, which keeps its own checksums.
    """
    written = [t for t in state.catalog.data if _has_commits(state, t)] if log.place.folder else []
    recorded = published.checksums(published.releases(log)) if written else {}
    return {
        table.full_name: [
            file for file in data_files(log, table) if f"{table.path}/{file.path}" not in recorded
        ]
        for table in written
    }


def _has_commits(state: State, table: Table) -> bool:
    standing = state.standings.get(table.full_name)
    return standing is not None and bool(standing.commits)


def check_landed(log: Log, state: State, files: Unproven) -> None:
    """LakehouseError if a bronze row in one of the files has other cells than when it was landed."""
    for table in filter(has_hashes, state.catalog.data):
        found = told(altered(log, table, files.get(table.full_name, ())))
        if found:
            raise LakehouseError(
                f"{table.full_name}: {found}; nothing was made of it; python main.py run --repair brings "
                "them again from the raw file"
            )

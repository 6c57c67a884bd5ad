"""Rot that travelled: a changed cell in a whole file, with a checksum that a release recorded."""

from __future__ import annotations

from lakehouse.releases import published
from lakehouse.releases.publish import next_release, publish
from lakehouse.releases.state import recorded
from lakehouse.storage.commit_note import SourceRecord
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import commit_properties
from lakehouse.table import Table

RUN = "copied-it"


def rot(datamart: Datamart, table: Table, where: str, **cells: str) -> None:
    """Change cells (SQL by column) as a merge does that copies a rotten row, and publish that."""
    before = published.newest(datamart.log)
    rot_before_release(datamart, table, where, **cells)
    sources = {name: SourceRecord.from_json(text) for name, text in before.sources.items()}
    release = next_release(datamart, RUN, "embedded", sources)
    assert release
    publish(datamart, release)


def rot_before_release(datamart: Datamart, table: Table, where: str, **cells: str) -> None:
    """Change cells as rot of a file does whose run was killed before it published."""
    note = recorded(datamart)[table.full_name].note(RUN)
    done = datamart.log.open_to_write(table).update(
        updates=cells, predicate=where, commit_properties=commit_properties(note)
    )
    assert done["num_updated_rows"]

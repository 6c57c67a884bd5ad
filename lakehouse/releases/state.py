"""The state of a datamart, from its logs: the newest release, and each table compared with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.bronze.superseded import TABLE as SUPERSEDED
from lakehouse.catalog import Catalog
from lakehouse.releases import published
from lakehouse.releases.recorded import Recorded
from lakehouse.releases.release import Release
from lakehouse.releases.standing import Standing, standing
from lakehouse.storage.commit_note import SourceRecord
from lakehouse.storage.datamart import Datamart
from lakehouse.table import MONTH, Table

# They have rows of all sources, and are written before the table of a source.
BESIDE = (QUARANTINE, SUPERSEDED)


@dataclass(frozen=True)
class State:
    """The newest release, and each existing table compared with it; read once for all questions."""

    catalog: Catalog
    newest: Release | None
    standings: Mapping[str, Standing]

    @property
    def recorded(self) -> dict[str, Recorded]:
        """The content of each table, by the newest release if it still has that version, else by its commits.

        A run makes no commit in a table that it finds unchanged; then the release records the table.
        """
        recorded_by_table = {
            table.full_name: _recorded(table, self.standings, self.newest)
            for table in self.catalog.tables
            if table.full_name in self.standings
        }
        stopped = _with_stopped(recorded_by_table, self.standings)
        for beside in BESIDE:
            stopped = _with_lost(beside, stopped, self.catalog, self.standings, self.newest)
        return stopped

    @property
    def is_published(self) -> bool:
        """Whether the newest release pins the tables as they are."""
        if self.newest is None:
            return False
        versions = {name: standing.version for name, standing in self.standings.items()}
        same = self.newest.versions == versions
        return same and all(standing.is_released for standing in self.standings.values())

    @property
    def has_other_rows(self) -> bool:
        """Whether a run has changed a row of any table since the newest release."""
        return any(standing.has_other_rows for standing in self.standings.values())


def read_state(datamart: Datamart) -> State:
    """The state of a datamart; only its logs are read."""
    releases = published.releases(datamart.log)
    newest = releases[-1] if releases else None
    return State(datamart.catalog, newest, standings_of(datamart, newest))


def recorded(datamart: Datamart) -> dict[str, Recorded]:
    """The content of each table, as commits and the newest release record it."""
    return read_state(datamart).recorded


def standings_of(datamart: Datamart, newest: Release | None) -> dict[str, Standing]:
    """Each existing table compared with the newest release, by full name."""
    log, tables = datamart.log, released_tables(datamart.catalog)
    standings = log.of_each(tables, lambda table: standing(log, table, newest))
    return {table.full_name: s for table, s in zip(tables, standings, strict=True) if s}


def released_tables(catalog: Catalog) -> list[Table]:
    return [table for table in catalog.tables if not table.is_ledger]


def _recorded(table: Table, standings: Mapping[str, Standing], newest: Release | None) -> Recorded:
    """The content of a table; if another program wrote to it, the content before that."""
    own = standings[table.full_name]
    until = own.version if own.undo_to is None else own.undo_to
    commit = own.newest_of_ours(until)
    if commit is None and own.base >= 0:
        assert newest is not None
        content, since = _by_release(table, own.version, newest), newest.finished_at
    elif commit is None:
        return Recorded(own.version, undo_to=own.undo_to)
    else:
        content, since = Recorded.by_note(own.version, commit.note), commit.timestamp
    again = _lost_track(content, since, standings)
    return replace(content, undo_to=own.undo_to, again=again, lost=tuple(sorted(own.lost)))


def _lost_track(content: Recorded, since: datetime, standings: Mapping[str, Standing]) -> str:
    """The reason if an upstream's log no longer has the consumed version; empty if all have it."""
    for name, version in content.consumed.items():
        upstream = standings.get(name)
        if upstream is None or not upstream.has(version, since):
            return f"{name} was made again or set back"
    return ""


def _with_lost(
    beside: Table,
    recorded_by_table: dict[str, Recorded],
    catalog: Catalog,
    standings: Mapping[str, Standing],
    newest: Release | None,
) -> dict[str, Recorded]:
    """The same, but if rows beside the tables were lost since the release, raw files count as not read."""
    name = beside.full_name
    if newest is None or name not in newest.versions:
        return recorded_by_table
    held = standings.get(name)
    is_new = held is None or held.base < 0
    again = f"{name} has lost rows"
    return {
        **recorded_by_table,
        **{
            table.full_name: replace(recorded_by_table[table.full_name].as_not_read(), again=again)
            for table in catalog.sources
            if table.full_name in recorded_by_table
            and table.source
            and (is_new or (held and _has_lost(beside, table, held)))
        },
    }


def _has_lost(beside: Table, table: Table, held: Standing) -> bool:
    """Whether a table beside the others may have lost rows of the source of one of them."""
    assert table.source is not None
    return bool(held.lost) if beside.partition == MONTH else table.source.name in held.lost


def _with_stopped(
    recorded_by_table: dict[str, Recorded], standings: Mapping[str, Standing]
) -> dict[str, Recorded]:
    """The same, but if a run was killed before a table was written, its files count as not read."""
    begun: dict[str, set[str]] = {}
    for held in (standings.get(beside.full_name) for beside in BESIDE):
        # Oldest first, so that the newest commit of each table wins.
        notes = [commit.note.quarantined for commit in reversed(held.ours if held else ())]
        for table, sha256 in {n.quarantined_of: n.sha256 for n in notes if n}.items():
            begun.setdefault(table, set()).add(sha256)
    return {
        name: own.as_stopped() if begun.get(name, {own.sha256}) != {own.sha256} else own
        for name, own in recorded_by_table.items()
    }


def _by_release(table: Table, version: int, newest: Release) -> Recorded:
    source = SourceRecord.from_json(newest.sources.get(table.full_name, "{}"))
    return Recorded(
        version=version,
        code=newest.code.get(table.full_name),
        consumed={
            upstream.full_name: newest.versions[upstream.full_name]
            for upstream in table.upstreams
            if upstream.full_name in newest.versions
        },
        source=source,
        is_released=True,
    )


def is_published(datamart: Datamart) -> bool:
    """Whether the newest release pins the tables as they are."""
    return read_state(datamart).is_published

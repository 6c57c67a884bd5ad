"""The state of a datamart, out of its logs: the newest release and how each table stands beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.catalog import Catalog
from lakehouse.releases import published
from lakehouse.releases.recorded import Recorded
from lakehouse.releases.release import Release
from lakehouse.releases.standing import Standing, standing
from lakehouse.storage.commit_note import SourceRecord
from lakehouse.storage.datamart import Datamart
from lakehouse.table import Table


@dataclass(frozen=True)
class State:
    """The newest release, and how each table that is there stands beside it: read once for all that asks."""

    catalog: Catalog
    newest: Release | None
    standings: Mapping[str, Standing]

    @property
    def recorded(self) -> dict[str, Recorded]:
        """What each table holds: by the newest release if it is still at that version, else by its commits.

        A table that a run found unchanged has no commit of that run; the release says that it was looked at.
        """
        found = {
            table.full_name: _recorded(table, self.standings, self.newest)
            for table in self.catalog.tables
            if table.full_name in self.standings
        }
        stopped = _with_stopped(found, self.standings)
        return _with_lost_quarantine(stopped, self.catalog, self.standings, self.newest)

    @property
    def is_published(self) -> bool:
        """Whether the newest release pins the tables as they are."""
        if self.newest is None:
            return False
        versions = {name: each.version for name, each in self.standings.items()}
        same = self.newest.versions == versions
        return same and all(each.is_released for each in self.standings.values())


def read_state(datamart: Datamart) -> State:
    """The state of a datamart; only its logs are read."""
    known = published.releases(datamart.log)
    newest = known[-1] if known else None
    return State(datamart.catalog, newest, standings_of(datamart, newest))


def recorded(datamart: Datamart) -> dict[str, Recorded]:
    """What each table holds."""
    return read_state(datamart).recorded


def standings_of(datamart: Datamart, newest: Release | None) -> dict[str, Standing]:
    """How each table that is there stands beside the newest release."""
    log, tables = datamart.log, released_tables(datamart.catalog)
    found = log.of_each(tables, lambda table: standing(log, table, newest))
    return {t.full_name: each for t, each in zip(tables, found, strict=True) if each}


def released_tables(catalog: Catalog) -> list[Table]:
    return [table for table in catalog.tables if not table.is_ledger]


def _recorded(table: Table, standings: Mapping[str, Standing], newest: Release | None) -> Recorded:
    """What a table held before another program wrote to it, if one did."""
    own = standings[table.full_name]
    until = own.version if own.undo_to is None else own.undo_to
    commit = own.newest_of_ours(until)
    if commit is None and own.base >= 0:
        assert newest is not None
        known, since = _by_release(table, own.version, newest), newest.finished_at
    elif commit is None:
        return Recorded(own.version, undo_to=own.undo_to)
    else:
        known, since = Recorded.by_note(own.version, commit.note), commit.timestamp
    again = _lost_track(known, since, standings)
    return replace(known, undo_to=own.undo_to, again=again, lost=tuple(sorted(own.lost)))


def _lost_track(known: Recorded, since: datetime, standings: Mapping[str, Standing]) -> str:
    """Which upstream's log no longer leads to the version that was consumed; none where all do."""
    for name, version in known.consumed.items():
        upstream = standings.get(name)
        if upstream is None or not upstream.has(version, since):
            return f"{name} was made anew or set back"
    return ""


def _with_lost_quarantine(
    found: dict[str, Recorded],
    catalog: Catalog,
    standings: Mapping[str, Standing],
    newest: Release | None,
) -> dict[str, Recorded]:
    """Where quarantined rows were lost since the release, the files they came of count as not read."""
    name = QUARANTINE.full_name
    if newest is None or name not in newest.versions:
        return found
    held = standings.get(name)
    anew = held is None or held.base < 0
    again = f"{name} has lost rows"
    return {
        **found,
        **{
            table.full_name: replace(found[table.full_name].as_not_read(), again=again)
            for table in catalog.sources
            if table.full_name in found
            and table.source
            and (anew or (held and table.source.name in held.lost))
        },
    }


def _with_stopped(
    found: dict[str, Recorded], standings: Mapping[str, Standing]
) -> dict[str, Recorded]:
    """Where a run was killed between the quarantine and a table, the table's file counts as not read."""
    held = standings.get(QUARANTINE.full_name)
    # Oldest first, so that the newest commit of each table is what stays.
    said = [commit.note.quarantined for commit in reversed(held.ours if held else ())]
    files = {each.quarantined_of: each.sha256 for each in said if each}
    return {
        name: own.as_not_read() if files.get(name, own.sha256) != own.sha256 else own
        for name, own in found.items()
    }


def _by_release(table: Table, version: int, newest: Release) -> Recorded:
    source = SourceRecord.from_json(newest.sources.get(table.full_name, "{}"))
    return Recorded(
        version=version,
        code=newest.code.get(table.full_name),
        consumed={
            each.full_name: newest.versions[each.full_name]
            for each in table.upstreams
            if each.full_name in newest.versions
        },
        source=source,
    )


def is_published(datamart: Datamart) -> bool:
    """Whether the newest release pins the tables as they are."""
    return read_state(datamart).is_published

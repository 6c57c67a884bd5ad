"""Rows of ledger/releases that no copy holds, rebuilt from the notes of commits in the tables.

Runs are told apart by their ids in the notes. A release has the number that a receipt or its neighbours give
it. The tables do not know when exactly it was published, the checksums of its files, and the fingerprint of
all code together; what is not known stays empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from deltalake.exceptions import DeltaError

from lakehouse.errors import LakehouseError
from lakehouse.ledger.training_sets import TABLE as TRAINING_SETS
from lakehouse.months import UNDATED
from lakehouse.releases.identity import identity
from lakehouse.releases.ledger_copies import copies
from lakehouse.releases.ledger_rows import unchecked_rows
from lakehouse.releases.release import Release
from lakehouse.releases.state import released_tables
from lakehouse.storage.commit import Commit
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log, months_of
from lakehouse.table import Table

Versions = Mapping[str, int]


@dataclass(frozen=True)
class Rebuilt:
    """Releases that were rebuilt, lines about what they do not know, and every number that is told of."""

    releases: tuple[Release, ...]
    notes: tuple[str, ...]
    told: frozenset[int]


@dataclass(frozen=True)
class _Run:
    """A run as the tables know it: its last moment, and the version of each table then."""

    run_id: str
    moment: datetime
    versions: Versions
    engine: str


def rebuilt(datamart: Datamart, held: Sequence[Release]) -> Rebuilt:
    """The releases of runs that no held release is of, as far as their numbers are certain or counted."""
    anchors = _receipts(datamart.log)
    told = frozenset({*anchors, *(release.number for release in held)})
    history, unread = _history(datamart)
    runs = _runs(history)
    numbers = _numbers(runs, held, anchors)
    missing = sorted(numbers.keys() - {release.number for release in held})
    before = {n: numbers[n - 1].versions if n - 1 in numbers else {} for n in missing}
    made = (_release(datamart, n, numbers[n], before[n], history) for n in missing)
    releases = [release for release in made if release]
    notes = [f"the log of {name} cannot be read, so rebuilt releases lack it" for name in unread]
    if releases:
        names = ", ".join(f"release {release.number}" for release in releases)
        notes.append(
            f"ledger.releases: {names} rebuilt from the commit notes of the tables, counted by their runs; "
            "finished_at and sources are those of the last commits; code_fingerprint and checksums are lost"
        )
    return Rebuilt(tuple(releases), tuple(notes) if releases else (), told)


def _receipts(log: Log) -> dict[int, list[Versions]]:
    """The table versions of receipts, by the release that they name."""
    try:
        held = unchecked_rows(log, TRAINING_SETS)
    except DeltaError:
        held = []
    rows = (*held, *(copies(log, TRAINING_SETS).values() if log.place.folder else ()))
    versions: dict[int, list[Versions]] = {}
    for row in rows:
        versions.setdefault(row["release"], []).append(row["versions"])
    return versions


def _history(datamart: Datamart) -> tuple[dict[Table, list[Commit]], list[str]]:
    """The commits of each table of data, oldest first, and the names of tables without a readable log."""
    history: dict[Table, list[Commit]] = {}
    unread = []
    for table in filter(datamart.log.exists, released_tables(datamart.catalog)):
        try:
            history[table] = datamart.log.history(table)[::-1]
        except DeltaError:
            unread.append(table.full_name)
    return history, unread


def _runs(history: Mapping[Table, Sequence[Commit]]) -> list[_Run]:
    """The runs that made commits, oldest first. One works at a time, so the last moment orders them."""
    last: dict[str, Commit] = {}
    for commit in (commit for commits in history.values() for commit in commits):
        run_id = commit.note.run_id
        if run_id and (run_id not in last or last[run_id].timestamp < commit.timestamp):
            last[run_id] = commit
    in_order = sorted(last.items(), key=lambda item: item[1].timestamp)
    return [
        _Run(run_id, newest.timestamp, _versions_at(history, newest.timestamp), _engine(newest))
        for run_id, newest in in_order
    ]


def _versions_at(history: Mapping[Table, Sequence[Commit]], moment: datetime) -> Versions:
    return {
        table.full_name: max(then)
        for table, commits in history.items()
        if (then := [commit.version for commit in commits if commit.timestamp <= moment])
    }


def _engine(commit: Commit) -> str:
    return "embedded" if commit.engine.startswith("delta-rs") else "spark"


def _numbers(
    runs: Sequence[_Run], held: Sequence[Release], receipts: Mapping[int, Sequence[Versions]]
) -> dict[int, _Run]:
    """The runs by the number of their release.

    A held release or a receipt gives a number to its run. Between two of them the runs are numbered if there
    are as many as numbers, and after the last one they are counted on. Other runs have no number.
    """
    anchors = {0: -1}  # by number, the place in `runs`; before the first run is number 0
    of_run = {release.run_id: release.number for release in held}
    for place, run in enumerate(runs):
        if run.run_id in of_run:
            anchors[of_run[run.run_id]] = place
    for number, read in receipts.items():
        fitting = [
            p for p, run in enumerate(runs) if all(v.items() <= run.versions.items() for v in read)
        ]
        if len(fitting) == 1:
            anchors.setdefault(number, fitting[0])
    in_order = sorted(anchors.items())
    if [place for _, place in in_order] != sorted({place for _, place in in_order}):
        return {}
    numbers = {number: runs[place] for number, place in in_order if place >= 0}
    for (number, place), (next_number, next_place) in pairwise(in_order):
        if next_number - number == next_place - place:
            numbers |= {number + by: runs[place + by] for by in range(1, next_place - place)}
    last_number, last_place = in_order[-1]
    numbers |= {last_number + by: run for by, run in enumerate(runs[last_place + 1 :], start=1)}
    return numbers


def _release(
    datamart: Datamart,
    number: int,
    run: _Run,
    before: Versions,
    history: Mapping[Table, Sequence[Commit]],
) -> Release | None:
    """The release of a run; None if the log of a table no longer has its version."""
    log = datamart.log
    versions = {
        table: run.versions[table.full_name] for table in history if table.full_name in run.versions
    }
    try:
        counts = {table: log.rows_by_month(table, version) for table, version in versions.items()}
        commits = {t.full_name: identity(log, t, version) for t, version in versions.items()}
        changed = [
            log.changed_months(table, before.get(table.full_name, 0), version)
            for table, version in versions.items()
            if table.source or table.transform
        ]
    except (DeltaError, LakehouseError):
        return None
    notes = {
        table: [c.note for c in reversed(history[table]) if c.version <= version]
        for table, version in versions.items()
    }
    held = [month for table in counts if table.source for month in months_of(counts[table])]
    return Release(
        number=number,
        run_id=run.run_id,
        finished_at=run.moment,
        months=sorted(set().union(*changed)),
        through=max((month for month in held if month != UNDATED), default=None),
        versions=run.versions,
        commits=commits,
        row_counts={table.full_name: sum(counts[table].values()) for table in counts},
        sources={
            table.full_name: source.as_json()
            for table in versions
            if table.source and (source := next((n.source for n in notes[table] if n.source), None))
        },
        code={
            table.full_name: code
            for table in versions
            if (code := next((n.code for n in notes[table] if n.code), None))
        },
        code_fingerprint="",
        engine=run.engine,
        checksums={},
    )

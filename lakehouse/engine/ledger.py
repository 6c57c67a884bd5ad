"""The ledger: what each table holds by its own commits, and the release that sums up a finished run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from deltalake.table import TableMerger

from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.catalog import Catalog
from lakehouse.engine.datamart import check_held
from lakehouse.engine.landing import fingerprint
from lakehouse.engine.log import Log, commit_properties, months_of, schema
from lakehouse.engine.place import Bucket
from lakehouse.engine.standing import Standing, standing
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.extent import Extent
from lakehouse.ledger.erasures import TABLE as ERASURES
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.ledger.training_sets import TABLE as TRAINING_SETS
from lakehouse.months import Scope, is_month
from lakehouse.plan import Recorded
from lakehouse.table import Table

Release = dict[str, Any]
# A quarantine's commit says of which table, and which file of it.
QUARANTINED_OF = "quarantined_of"


def releases(log: Log) -> list[Release]:
    """Every release, oldest first; maps as dicts."""
    return sorted(rows(log, RELEASES), key=lambda row: int(row["release"]))


def kept(log: Log) -> list[Release]:
    """The releases that vacuum has not given up, oldest first."""
    return [row for row in releases(log) if row.get("given_up_at") is None]


def rows(log: Log, table: Table) -> list[dict[str, Any]]:
    """The rows of a ledger table, maps as dicts; none where it was never made."""
    found = log.read(table) if log.exists(table) else []
    maps = [field.name for field in table.fields if field.type.startswith("MAP<")]
    return [{**row, **{name: dict(row.get(name) or []) for name in maps}} for row in found]


def erasures(log: Log) -> list[dict[str, Any]]:
    """Every erasure of a person, oldest first."""
    return sorted(rows(log, ERASURES), key=lambda row: (row["erased_at"], row["erasure_id"]))


def release(log: Log, number: int) -> Release:
    """The release of that number; BadInput if there is none."""
    known = releases(log)
    for row in known:
        if row["release"] == number:
            return row
    span = f"there are 1 to {known[-1]['release']}" if known else "there is none yet: run main.py"
    raise BadInput(f"no release {number}; {span}")


def newest(log: Log) -> Release:
    """The newest release; BadInput where there is none."""
    known = releases(log)
    return known[-1] if known else release(log, 1)


def at_time(log: Log, moment: datetime) -> Release:
    """The newest release that was finished by a moment; BadInput before the first."""
    finished = [row for row in releases(log) if row["finished_at"] <= moment]
    if finished:
        return finished[-1]
    first = release(log, 1)["finished_at"]
    by, at = (f"{each.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S}" for each in (moment, first))
    raise BadInput(f"no release was finished by {by} UTC; the first was at {at}")


def at_month(log: Log, month: str) -> Release:
    """The newest release that knew raw data up to a month and no later one; BadInput where none did."""
    if not is_month(month):
        raise BadInput(f"{month!r} is no month; write it as 2023-05")
    known = [row for row in releases(log) if (row["through"] or "") <= month]
    if known:
        return known[-1]
    first = release(log, 1)["through"]
    raise BadInput(
        f"no release knew data up to {month} and not more; the first knew data up to {first}"
    )


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
        same = self.newest["versions"] == versions
        return same and all(each.is_released for each in self.standings.values())


def state(log: Log, catalog: Catalog) -> State:
    """The state of a datamart, out of its logs alone."""
    known = releases(log)
    newest = known[-1] if known else None
    return State(catalog, newest, _standings(log, catalog, newest))


def recorded(log: Log, catalog: Catalog) -> dict[str, Recorded]:
    """What each table holds."""
    return state(log, catalog).recorded


def _standings(log: Log, catalog: Catalog, newest: Release | None) -> dict[str, Standing]:
    """How each table that is there stands beside the newest release."""
    tables = _released_tables(catalog)
    found = log.of_each(tables, lambda table: standing(log, table, newest))
    return {t.full_name: each for t, each in zip(tables, found, strict=True) if each}


def _released_tables(catalog: Catalog) -> list[Table]:
    return [table for table in catalog.tables if table.layer != "ledger"]


def _recorded(table: Table, standings: Mapping[str, Standing], newest: Release | None) -> Recorded:
    """What a table held before another program wrote to it, if one did."""
    own = standings[table.full_name]
    until = own.version if own.undo_to is None else own.undo_to
    commit = own.newest_of_ours(until)
    if commit is None and own.base >= 0:
        assert newest is not None
        known, since = _by_release(table, own.version, newest), newest["finished_at"]
    elif commit is None:
        return Recorded(own.version, undo_to=own.undo_to)
    else:
        known, since = _by_commit(own.version, commit["metadata"]), commit["timestamp"]
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
    if newest is None or name not in newest["versions"]:
        return found
    held = standings.get(name)
    anew = held is None or held.base < 0
    again = f"{name} has lost rows"
    return {
        **found,
        **{
            table.full_name: replace(found[table.full_name], sha256=None, again=again)
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
    said = [commit["metadata"] for commit in reversed(held.ours if held else ())]
    files = {each[QUARANTINED_OF]: each["sha256"] for each in said if QUARANTINED_OF in each}
    return {
        name: replace(own, sha256=None) if files.get(name, own.sha256) != own.sha256 else own
        for name, own in found.items()
    }


def _by_release(table: Table, version: int, newest: Release) -> Recorded:
    source = json.loads(newest["sources"].get(table.full_name, "{}"))
    return Recorded(
        version=version,
        code=newest["code"].get(table.full_name),
        consumed={
            each.full_name: newest["versions"][each.full_name]
            for each in table.upstreams
            if each.full_name in newest["versions"]
        },
        sha256=source.get("sha256"),
        scopes=_scopes(source.get("scopes", [])),
        extent=_extent(source),
    )


def _by_commit(version: int, metadata: Mapping[str, Any]) -> Recorded:
    return Recorded(
        version=version,
        code=metadata.get("code"),
        consumed=metadata.get("consumed", {}),
        sha256=metadata.get("sha256"),
        scopes=_scopes(metadata.get("scopes", [])),
        extent=_extent(metadata),
        pending_months=tuple(metadata.get("pending_months", [])),
    )


def as_metadata(known: Recorded, run_id: str) -> dict[str, Any]:
    """What a commit says that leaves a table holding what is recorded of it."""
    return {
        "run_id": run_id,
        "code": known.code,
        "consumed": dict(known.consumed),
        **source_record(known.sha256, known.scopes, known.extent),
        "pending_months": list(known.pending_months),
    }


def _scopes(pairs: Iterable[list[str | None]]) -> tuple[Scope, ...]:
    return tuple(Scope(first, last) for first, last in pairs)


def _extent(source: Mapping[str, Any]) -> Extent | None:
    told = source.get("extent")
    return Extent(**{**told, "months": tuple(told["months"])}) if told else None


def is_published(log: Log, catalog: Catalog) -> bool:
    """Whether the newest release pins the tables as they are."""
    return state(log, catalog).is_published


def source_record(
    sha256: str | None, scopes: Iterable[Scope], extent: Extent | None
) -> dict[str, Any]:
    """What a bronze commit says of the raw file it took."""
    return {
        "sha256": sha256,
        "scopes": [[scope.first, scope.last] for scope in scopes],
        "extent": asdict(extent) if extent else None,
    }


def next_release(
    log: Log,
    catalog: Catalog,
    run_id: str,
    engine: str,
    sources: Mapping[str, Mapping[str, Any]],
) -> Release | None:
    """The release that the tables now make; None where the newest says the same already."""
    known = releases(log)
    before = known[-1] if known else None
    now = State(catalog, before, _standings(log, catalog, before))
    standings = now.standings
    _check_ours(standings)
    checksums = _checksums(log, catalog, known)
    pinned: Release = {
        "versions": {name: each.version for name, each in standings.items()},
        "sources": {name: json.dumps(record) for name, record in sources.items()},
        "code": dict(catalog.code),
    }
    same = before and all(before[name] == value for name, value in pinned.items())
    if same and not checksums and now.is_published:
        return None
    counts = {t.full_name: log.rows_by_month(t) for t in _released_tables(catalog)}
    held = [month for t in catalog.sources for month in months_of(counts[t.full_name])]
    return {
        "release": _next_number(log, known),
        "run_id": run_id,
        "finished_at": _later_than(known, _newest_commits(log, catalog)),
        "months": sorted(_changed_months(log, catalog, standings)),
        "through": max(held, default=None),
        **pinned,
        "row_counts": {name: sum(by_month.values()) for name, by_month in counts.items()},
        "code_fingerprint": _together(catalog.code),
        "engine": engine,
        "checksums": checksums,
        "given_up_at": None,
    }


def _check_ours(standings: Mapping[str, Standing]) -> None:
    """A release has no row that another program wrote while the run was at work."""
    for name, each in standings.items():
        if each.undo_to is not None:
            raise LakehouseError(
                f"{name}: another program wrote to it while this run was at work; nothing is "
                "published, the next run undoes that and goes on"
            )


def _next_number(log: Log, known: Iterable[Release]) -> int:
    """One above every release there is, or of which a receipt tells: a ledger may have been lost."""
    told = [row["release"] for row in (*known, *rows(log, TRAINING_SETS))]
    if any(commit["operation"] == "FSCK" for commit in log.history(RELEASES)):
        # A repair forgot some; each of them was a commit.
        told.append(log.version(RELEASES))
    return max(told, default=0) + 1


def _newest_commits(log: Log, catalog: Catalog) -> list[datetime]:
    commits = [log.newest_commit(table) for table in _released_tables(catalog)]
    return [commit["timestamp"] for commit in commits if commit]


def _later_than(known: Iterable[Release], commits: Iterable[datetime]) -> datetime:
    """Now; where the clock was set back, just after the last release: their order is that of time.

    Nor before a commit that it pins, by which a table that is made anew later is found out.
    """
    past: list[datetime] = [row["finished_at"] + timedelta(microseconds=1) for row in known]
    return max([now_utc(), *past, *commits])


def now_utc() -> datetime:
    return datetime.now(timezone.utc)


def _checksums(log: Log, catalog: Catalog, known: Iterable[Release]) -> dict[str, str]:
    """SHA-256 of each data file that no release has told of; a file that is gone has none.

    None in an object store, which keeps checksums of its own, and would send every file back for ours.
    """
    if isinstance(log.place, Bucket):
        return {}
    told = {path for row in known for path in row["checksums"]}
    paths = (
        f"{table.path}/{file}"
        for table in catalog.tables
        if table.layer != "ledger"
        for file in log.files(table)
    )
    files = {path: log.place / path for path in paths if path not in told}
    return {path: fingerprint(file) for path, file in files.items() if file.is_file()}


def _changed_months(log: Log, catalog: Catalog, standings: Mapping[str, Standing]) -> set[str]:
    """Months in which a table that data fills has changed since the release, by whichever run."""
    changed: set[str] = set()
    for table in (*catalog.sources, *catalog.derived):
        own = standings[table.full_name]
        changed |= log.changed_months(table, max(own.base, 0), own.version)
    return changed


def _together(code: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(code, sort_keys=True).encode()).hexdigest()[:16]


def publish(log: Log, row: Release) -> int:
    """Write the release: the last commit of a run, by which readers find all others."""
    check_held(log.place)
    insert(log, RELEASES, row, {"run_id": row["run_id"]})
    return int(row["release"])


def put(
    log: Log, table: Table, wanted: Iterable[Mapping[str, Any]], metadata: dict[str, Any]
) -> None:
    """Make rows of a ledger table these, by their key."""
    there = rows(log, table)
    differing = [row for row in wanted if row not in there]
    if differing:
        merger = _merger(log, table, differing, metadata)
        merger.when_matched_update_all().when_not_matched_insert_all().execute()


def insert(log: Log, table: Table, row: Mapping[str, Any], metadata: dict[str, Any]) -> None:
    """Merge a row, whose key is new, into a ledger table."""
    _merger(log, table, [row], metadata).when_not_matched_insert_all().execute()


def _merger(
    log: Log, table: Table, wanted: Iterable[Mapping[str, Any]], metadata: dict[str, Any]
) -> TableMerger:
    """By delta-rs: no engine is needed for a row, and Spark takes seconds for it."""
    import pyarrow as pa

    maps = [field.name for field in table.fields if field.type.startswith("MAP<")]
    values = [{**row, **{name: list(row[name].items()) for name in maps}} for row in wanted]
    key = table.keys[0]
    return log.open(table).merge(
        pa.Table.from_pylist(values, pa.schema(schema(table).to_arrow())),
        f"t.{key} = s.{key}",
        source_alias="s",
        target_alias="t",
        commit_properties=commit_properties(metadata),
    )

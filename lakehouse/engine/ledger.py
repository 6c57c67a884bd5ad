"""The ledger: what each table holds by its own commits, and the release that sums up a finished run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.catalog import Catalog
from lakehouse.engine.landing import fingerprint
from lakehouse.engine.log import Log, months_of
from lakehouse.engine.store import Store, upserts
from lakehouse.errors import BadInput
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.months import Scope, is_month
from lakehouse.plan import Recorded
from lakehouse.table import Table

Release = dict[str, Any]
# A quarantine's commit says of which table, and which file of it.
QUARANTINED_OF = "quarantined_of"


def releases(log: Log) -> list[Release]:
    """Every release, oldest first; maps as dicts."""
    return sorted(rows(log, RELEASES), key=lambda row: int(row["release"]))


def rows(log: Log, table: Table) -> list[dict[str, Any]]:
    """The rows of a ledger table, maps as dicts; none where it was never made."""
    found = log.read(table) if log.exists(table) else []
    maps = [field.name for field in table.fields if field.type.startswith("MAP<")]
    return [{**row, **{name: dict(row.get(name) or []) for name in maps}} for row in found]


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


def recorded(log: Log, catalog: Catalog) -> dict[str, Recorded]:
    """What each table holds: by the newest release if it is still at that version, else by its commits.

    A table that a run found unchanged has no commit of that run; the release says that it was looked at.
    """
    known = releases(log)
    newest = known[-1] if known else None
    found = {}
    for table in catalog.tables:
        version = log.version(table)
        if version is None:
            continue
        if newest and newest["versions"].get(table.full_name) == version:
            found[table.full_name] = _by_release(table, version, newest)
        else:
            found[table.full_name] = _by_commit(version, log.last_recorded(table))
    return _with_stopped(log, found, newest)


def _with_stopped(
    log: Log, found: dict[str, Recorded], newest: Release | None
) -> dict[str, Recorded]:
    """Where a run was killed between the quarantine and its table, the file counts as not read."""
    held = found.get(QUARANTINE.full_name)
    if held is None or (newest and newest["versions"].get(QUARANTINE.full_name) == held.version):
        return found
    said = log.last_recorded(QUARANTINE)
    table = said.get(QUARANTINED_OF)
    if table in found and found[table].sha256 != said["sha256"]:
        return {**found, table: replace(found[table], sha256=None)}
    return found


def _by_release(table: Table, version: int, newest: Release) -> Recorded:
    source = json.loads(newest["sources"].get(table.full_name, "{}"))
    return Recorded(
        version=version,
        code=newest["code"].get(table.full_name),
        consumed={each.full_name: newest["versions"][each.full_name] for each in table.upstreams},
        sha256=source.get("sha256"),
        scopes=_scopes(source.get("scopes", [])),
    )


def _by_commit(version: int, metadata: Mapping[str, Any]) -> Recorded:
    return Recorded(
        version=version,
        code=metadata.get("code"),
        consumed=metadata.get("consumed", {}),
        sha256=metadata.get("sha256"),
        scopes=_scopes(metadata.get("scopes", [])),
        pending_months=tuple(metadata.get("pending_months", [])),
    )


def _scopes(pairs: Iterable[list[str | None]]) -> tuple[Scope, ...]:
    return tuple(Scope(first, last) for first, last in pairs)


def is_published(log: Log, catalog: Catalog) -> bool:
    """Whether the newest release pins the tables as they are."""
    known = releases(log)
    return bool(known) and known[-1]["versions"] == _versions(log, catalog)


def _versions(log: Log, catalog: Catalog) -> dict[str, int | None]:
    return {t.full_name: log.version(t) for t in catalog.tables if t.layer != "ledger"}


def source_record(sha256: str | None, scopes: Iterable[Scope]) -> dict[str, Any]:
    """What a bronze commit says of the raw file it took."""
    return {"sha256": sha256, "scopes": [[scope.first, scope.last] for scope in scopes]}


def next_release(
    log: Log,
    catalog: Catalog,
    run_id: str,
    engine: str,
    sources: Mapping[str, Mapping[str, Any]],
) -> Release | None:
    """The release that the tables now make; None where the newest says the same already."""
    known = releases(log)
    pinned: Release = {
        "versions": _versions(log, catalog),
        "sources": {name: json.dumps(record) for name, record in sources.items()},
        "code": dict(catalog.code),
    }
    if known and all(known[-1][name] == value for name, value in pinned.items()):
        return None
    counts = {t.full_name: log.rows_by_month(t) for t in catalog.tables if t.layer != "ledger"}
    held = [month for t in catalog.sources for month in months_of(counts[t.full_name])]
    return {
        "release": (known[-1]["release"] if known else 0) + 1,
        "run_id": run_id,
        "finished_at": _later_than(known),
        "months": sorted(_changed_months(log, catalog, known[-1] if known else None)),
        "through": max(held, default=None),
        **pinned,
        "row_counts": {name: sum(by_month.values()) for name, by_month in counts.items()},
        "code_fingerprint": _together(catalog.code),
        "engine": engine,
        "checksums": _checksums(log, catalog, known),
        "given_up_at": None,
    }


def _later_than(known: Iterable[Release]) -> datetime:
    """Now; where the clock was set back, just after the last release: their order is that of time."""
    past: list[datetime] = [row["finished_at"] for row in known]
    now = datetime.now(timezone.utc)
    return max([now, *(each + timedelta(microseconds=1) for each in past)])


def _checksums(log: Log, catalog: Catalog, known: Iterable[Release]) -> dict[str, str]:
    """SHA-256 of each data file that no release has told of; a file that is gone has none."""
    told = {path for row in known for path in row["checksums"]}
    paths = (
        f"{table.path}/{file}"
        for table in catalog.tables
        if table.layer != "ledger"
        for file in log.files(table)
    )
    files = {path: Path(log.root) / path for path in paths if path not in told}
    return {path: fingerprint(file) for path, file in files.items() if file.is_file()}


def _changed_months(log: Log, catalog: Catalog, before: Release | None) -> set[str]:
    """Months in which a table that data fills has changed since a release, by whichever run."""
    changed: set[str] = set()
    for table in (*catalog.sources, *catalog.derived):
        since = before["versions"].get(table.full_name, 0) if before else 0
        changed |= log.changed_months(table, since, log.version(table) or 0)
    return changed


def _together(code: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(code, sort_keys=True).encode()).hexdigest()[:16]


def publish(store: Store, row: Release) -> int:
    """Write the release: the last commit of a run, by which readers find all others."""
    insert(store, RELEASES, row, {"run_id": row["run_id"]})
    return int(row["release"])


def insert(store: Store, table: Table, row: Mapping[str, Any], metadata: dict[str, Any]) -> None:
    """Merge a row, whose key is new, into a ledger table."""
    ddl = ", ".join(f"{field.name} {field.type}" for field in table.fields)
    values = [tuple(row[field.name] for field in table.fields)]
    frame = store.spark.createDataFrame(values, ddl)
    store.merge(table, upserts(frame), metadata, insert_only=True)

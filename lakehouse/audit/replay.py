"""Replays: a release is built again from fewer or changed raw rows, and its gold must stay the same.

Each replay writes raw files from the release's bronze tables and runs the real pipeline on them, in a
separate datamart. Then it compares the gold of that datamart with the gold of the release.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.audit import raw_files
from lakehouse.audit.compare import differences
from lakehouse.audit.cut import chosen_cut, finer, gold, up_to
from lakehouse.audit.finding import Check
from lakehouse.catalog import Catalog
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.months import spell
from lakehouse.progress import Done, Progress, Steps
from lakehouse.releases.readable import check_readable
from lakehouse.releases.release import Release
from lakehouse.run.job import Job
from lakehouse.run.run import run
from lakehouse.storage.datamart import Datamart
from lakehouse.table import Source, Table

# The number of replays of a release.
REPLAYS = 5


@dataclass(frozen=True)
class Replay:
    """One way to build a release again: from which raw rows, and which rows of gold must be the same.

    `undone` takes a table and its rows in the replay, and makes of them what the release should have.
    """

    name: str
    proves: str
    rows_sql: raw_files.RowsSql
    same: Callable[[Table], Column]
    compared: str  # the rows that must be the same, in words
    undone: Callable[[Table, DataFrame], DataFrame] = lambda _table, rows: rows


def truncated(cut: str) -> Replay:
    """Without any raw row after the cut, a month or a day."""
    return Replay(
        "truncated replay",
        "No feature and no label depends on a later row: without these rows all stays the same.",
        raw_files.truncated(cut),
        lambda table: up_to(table, cut),
        f"cut after {cut}",
    )


def scrambled(cut: str) -> Replay:
    """With the cells of all raw rows after the cut shuffled."""
    return Replay(
        "scrambled replay",
        "No feature and no label depends on the values of a later row: with other values in these rows "
        "all stays the same.",
        raw_files.scrambled(cut),
        lambda table: up_to(table, cut),
        f"scrambled after {cut}",
    )


def halved(name: str, last_digits: tuple[str, ...], sources: Sequence[Source]) -> Replay:
    """With the raw rows of half of the customers: those whose MD5 ends with one of these digits."""

    def same(table: Table) -> Column:
        return F.substring(F.md5(F.col(table.entity)), 32, 1).isin(*last_digits)

    return Replay(
        name,
        "No feature and no label depends on other customers: with half of them all stays the same.",
        raw_files.halved(last_digits, sources),
        same,
        "of every second customer",
    )


def renamed(store: Store, catalog: Catalog, exported: Path) -> Replay:
    """With the id of another customer for each one; the exported rows get a file of the new ids."""
    new_ids = exported / "new_ids.parquet"
    sources = sources_of_customers(catalog)
    raw_files.write_new_ids(exported, sources, new_ids)

    def undone(table: Table, rows: DataFrame) -> DataFrame:
        entity = table.entity
        if entity != catalog.label_store.entity and _origin(table) is None:
            return rows
        old = store.read_parquet(str(new_ids)).withColumnRenamed("new_id", entity)
        return rows.join(old, entity).withColumn(entity, F.col("old_id")).drop("old_id")

    return Replay(
        "renamed customers",
        "No feature and no label depends on who a customer is: with the ids of others all stays the same.",
        raw_files.relabelled(new_ids, sources),
        lambda _table: F.lit(True),
        "each customer with the id of another one",
        undone,
    )


def sources_of_customers(catalog: Catalog) -> list[Source]:
    """The sources whose entity is the customer of the labels, by whatever name.

    It is if a table of theirs calls it as the label store does, or if they are all that a group is made of.
    """
    called, made_of = catalog.label_store.entity, {_origin(table) for table in gold(catalog)}
    return [
        bronze.source
        for bronze in catalog.sources
        if bronze.source
        and (
            bronze in made_of
            or any(bronze in t.upstreams and t.entity == called for t in catalog.derived)
        )
    ]


def _origin(table: Table) -> Table | None:
    """The one bronze table that a table is made of; None if it joins others, or is about nobody."""
    while table.entity and len(table.upstreams) == 1:
        (table,) = table.upstreams
    return table if table.source and table.entity else None


def replayable(store: Store, catalog: Catalog, release: Release, cut: str | None) -> str:
    """The month after which a release is cut; BadInput or LakehouseError if it cannot be built again."""
    check_code(catalog, release)
    if not store.reads_this_machine:
        raise BadInput(
            "an audit builds datamarts on this machine, and a cluster whose datamart is in an object store "
            "cannot read them; run it without --master"
        )
    check_readable(store.log, release.pins, (*catalog.sources, *gold(catalog)))
    return chosen_cut(store, catalog, release, cut)


def replay_checks(
    store: Store,
    catalog: Catalog,
    release: Release,
    cut: str,
    asked: Steps,
    work: Path,
) -> list[Check]:
    """The checks of all replays of a `replayable` release; they use a folder in `work` and remove it.

    Each is a step of those that are `asked`.
    """
    on_progress, checks = asked.on_progress, []
    with tempfile.TemporaryDirectory(dir=work, prefix="replay-") as name:
        exported = Path(name) / "exported"
        on_progress("audit", f"reading the raw rows of release {release.number}")
        raw_files.export(store, catalog, release, exported)
        even, odd = raw_files.HALVES
        cut = finer(store, catalog, release, cut)
        replays = (
            truncated(cut),
            scrambled(cut),
            # Both halves, because the largest value of all customers does not change in the half that has it.
            halved("half of the customers", even, sources_of_customers(catalog)),
            halved("other half of the customers", odd, sources_of_customers(catalog)),
            renamed(store, catalog, exported),
        )
        for replay in replays:
            asked.begin("audit", replay.name)
            checks.append(check(store, catalog, release, replay, exported, on_progress))
    return checks


def check(
    store: Store,
    catalog: Catalog,
    release: Release,
    replay: Replay,
    exported: Path,
    on_progress: Progress,
) -> Check:
    """Build one replay from exported raw rows, compare it with the release and remove it."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=exported.parent) as name:
        rebuilt = _rebuilt(store, catalog, replay, exported, Path(name), on_progress)
        compared, findings = 0, []
        for table in gold(catalog):
            on_progress("audit", f"{replay.name}: comparing {table.full_name}")
            released = store.read(table, release.versions[table.full_name]).where(
                replay.same(table)
            )
            replayed = replay.undone(table, rebuilt.read(table)).where(replay.same(table))
            compared += replayed.count()
            findings += differences(table, released, replayed)
    return Check(
        replay.name,
        replay.proves,
        f"{compared:,} rows of {len(gold(catalog))} tables, {replay.compared}",
        tuple(findings),
        time.monotonic() - began,
    )


def check_code(catalog: Catalog, release: Release) -> None:
    """Refuse a release that other code built: a replay would differ only because the code does."""
    for name, code in catalog.code.items():
        if release.code.get(name) != code:
            raise BadInput(
                f"release {release.number} was built by other code of {name} than today's, so a "
                "replay cannot be compared with it; run `python main.py` and audit the new release"
            )


def _rebuilt(
    store: Store,
    catalog: Catalog,
    replay: Replay,
    exported: Path,
    work: Path,
    on_progress: Progress,
) -> Store:
    """The datamart that a real run builds from the raw rows of the replay, with the same engine."""

    def tell_of_run(
        table: str, doing: str, months: Sequence[str] = (), _done: Done | None = None, /
    ) -> None:
        words = (f"{replay.name}: {table}", doing, spell(months) if months else "")
        on_progress("audit", " ".join(filter(None, words)))

    on_progress("audit", f"{replay.name}: writing raw files")
    datamart = Datamart.at(work / "datamart", catalog)
    raw_files.write(catalog, exported, replay.rows_sql, work / "data")
    run(
        Job(
            data=work / "data",
            datamart=datamart,
            open_store=lambda rebuilt, _size: _on(store, rebuilt),
            on_progress=tell_of_run,
            # The release was allowed its NULLs, and half of the customers may have more than half of them.
            max_null=1,
            tells=False,
        )
    )
    return _on(store, datamart)


def _on(store: Store, datamart: Datamart) -> Store:
    """The same engine on another datamart, because a process has only one session."""
    other = copy(store)
    other.datamart = datamart
    return other

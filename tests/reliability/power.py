"""Jobs on a tiny bank whose every write is recorded, and what each of them leaves when power is lost in it.

`python -m tests.reliability.power FOLDER ENGINE` does the jobs; `recorded` starts it with the recorder.
"""

from __future__ import annotations

import os
import pickle
import random
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from lakehouse.engines.choose import prepare as prepare_engine
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.engines.spark import SparkStore
from lakehouse.errors import LakehouseError
from lakehouse.releases import published
from lakehouse.releases.readable import check_readable
from lakehouse.releases.state import is_published
from lakehouse.run.plan import Request
from lakehouse.storage.begun_erasure import is_erasure_begun
from lakehouse.storage.commit_file import commit_files
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from lakehouse.storage.sync import SWITCH
from lakehouse.table import FeatureGroup, Table
from lakehouse.training.build import build
from lakehouse.training.receipts import receipts
from lakehouse.training.sets import Asked, prepare
from lakehouse.upkeep.erase import erase
from lakehouse.upkeep.optimize import optimize
from lakehouse.upkeep.vacuum import vacuum
from tests.reliability.disk import Disk, Step, steps
from tests.run.test_laws import WINDOWS, catalog_of, click, deliver, run_on, two_months_a_merge

SEED = 20261129
GROUP = replace(
    WINDOWS, group=FeatureGroup("windows", 12), entity="customer_id", date="snapshot_date"
)
CATALOG = catalog_of("bronze.clickstream", "bronze.quarantine", "silver.clickstream", more=[GROUP])
DATA_TABLES = [table for table in CATALOG.tables if not table.is_ledger]
MONTHS = ["2023-01", "2023-02", "2023-03", "2023-04"]
CUSTOMERS = ["CUS_0x1", "CUS_0x2", "CUS_0x3"]
ERASED = CUSTOMERS[2]
BAD = [click("CUS_0x9", "2023-02-30", 1), click("CUS_0x9", "2023-04-31", 2)]
Rows = list[tuple[Any, ...]]


def _clicks(months: list[str], number: int = 5) -> list[str]:
    return [click(who, f"{month}-01", number) for month in months for who in CUSTOMERS]


# The jobs


def _run(root: Path) -> None:
    with two_months_a_merge():
        run_on(CATALOG, root)


def run_on_spark(root: Path) -> None:
    prepare_engine("spark")
    run_on(CATALOG, root, open_store=lambda datamart, _size: SparkStore(datamart))


def _train(root: Path) -> None:
    store = EmbeddedStore(Datamart.at(root / "datamart", CATALOG))
    asked = Asked(spine=root / "spine.csv")
    build(prepare(store, published.newest(store.log), asked), store, root / "train.parquet")


def _optimize(root: Path) -> None:
    optimize(Datamart.at(root / "datamart", CATALOG), EmbeddedStore, lambda *_: None)


def _vacuum(root: Path) -> None:
    vacuum(Datamart.at(root / "datamart", CATALOG), 1, False, lambda *_: None)


def _erase(root: Path) -> None:
    erase(Datamart.at(root / "datamart", CATALOG), root / "data", ERASED)


def _repair(root: Path) -> None:
    run_on(CATALOG, root, request=Request(repair=True))


def _first(root: Path) -> None:
    deliver(root / "data", [*_clicks(MONTHS[:3]), BAD[0]])
    spine = [f"{who},2023-0{month}-15" for who in CUSTOMERS for month in (2, 3)]
    (root / "spine.csv").write_text("\n".join(["customer_id,application_date", *spine, ""]))


def _month(root: Path) -> None:
    deliver(root / "data", [*_clicks(MONTHS[:3]), BAD[0], *_clicks(MONTHS[3:], 6), BAD[1]])


def _corrected(root: Path) -> None:
    first, _vanished, *rest = _clicks(MONTHS[:3], 7)
    deliver(root / "data", [first, *rest, *_clicks(MONTHS[3:], 6), BAD[1]])


def _damaged(root: Path) -> None:
    log = Log(str(root / "datamart"))
    table = CATALOG.table("silver.clickstream")
    (log.folder(table) / min(log.files(table))).unlink()


def _nothing(root: Path) -> None:
    """Leave all as it is."""


# Each with what comes before it, unrecorded.
Jobs = dict[str, tuple[Callable[[Path], None], Callable[[Path], None]]]
JOBS: Jobs = {
    "run": (_first, _run),
    "month": (_month, _run),
    "training-set": (_nothing, _train),
    "correction": (_corrected, _run),
    "optimize": (_nothing, _optimize),
    "erase": (_nothing, _erase),
    "repair": (_damaged, _repair),
    "vacuum": (_nothing, _vacuum),
}


JOBS_ON_SPARK: Jobs = {"run": (_first, run_on_spark), "correction": (_corrected, run_on_spark)}
JOBS_BY_ENGINE = {"embedded": JOBS, "spark": JOBS_ON_SPARK}


@dataclass(frozen=True)
class Facts:
    """The content of a datamart: each table's rows now and by release, and its receipts.

    `refused` are releases that readers refuse, `given_up` those that vacuum gave up.
    """

    tables: dict[str, Rows]
    releases: dict[int, dict[str, Rows]]
    refused: frozenset[int]
    given_up: frozenset[int]
    receipts: frozenset[str]


def facts(root: Path, with_tables: bool = True) -> Facts:
    if not (root / "datamart").exists():
        return Facts({}, {}, frozenset(), frozenset(), frozenset())
    log = Log(str(root / "datamart"))
    known = published.releases(log)
    read, refused = {}, set()
    for release in (each for each in known if each.is_kept):
        try:
            check_readable(log, release.pins, DATA_TABLES)
        except LakehouseError:
            refused.add(release.number)
            continue
        pinned = release.versions
        read[release.number] = {t.full_name: rows(log, t, pinned[t.full_name]) for t in DATA_TABLES}
    return Facts(
        {t.full_name: rows(log, t) for t in DATA_TABLES if with_tables and log.exists(t)},
        read,
        frozenset(refused),
        frozenset(release.number for release in known if not release.is_kept),
        frozenset(receipt.training_set_id for receipt in receipts(log)),
    )


def rows(log: Log, table: Table, version: int | None = None) -> Rows:
    """The rows of a version, sorted, less the columns that tell of the writing."""
    told = [name for name in table.columns if name not in (*table.unversioned, table.partition)]
    told = [name for name in told if name not in ("mended_run_id",)]
    files = [log.folder(table) / file for file in log.files(table, version)]
    read = [pq.read_table(file, columns=told, partitioning=None).to_pylist() for file in files]
    return sorted(tuple(map(str, row.values())) for part in read for row in part)


# Recording


@dataclass(frozen=True)
class Recorded:
    """A job that was recorded: the world before it, and its steps; what was there before and after."""

    name: str
    world: Path
    root: str
    steps: list[Step]
    before: Facts
    after: Facts

    def world_without_power(self, chance: random.Random, to: Path) -> tuple[bool, int]:
        """Write a world in which power was lost during the job.

        Whether the job had come to its end, and how many of its steps were lost or torn.
        """
        done = len(self.steps)
        if chance.random() < 0.9:
            done = chance.randrange(done + 1)
        disk = Disk(self.world, self.root)
        for step in self.steps[:done]:
            disk.do(step)
        return done == len(self.steps), disk.lose_power(chance, to)


def record(folder: Path, engine: str) -> None:
    """Do every job of an engine in FOLDER/world; the worlds before and after each are beside it."""
    world, log = folder / "world", Path(os.environ["RECORD_LOG"])
    world.mkdir()
    slices = {}
    for name, (prepare_world, job) in JOBS_BY_ENGINE[engine].items():
        prepare_world(world)
        shutil.copytree(world, folder / name)
        begin = log.stat().st_size
        job(world)
        slices[name] = (begin, log.stat().st_size)
        shutil.copytree(world, folder / f"{name} done")
    (folder / "slices").write_bytes(pickle.dumps(slices))


def recorded(folder: Path, recorder: Path, engine: str = "embedded") -> dict[str, Recorded]:
    """Every job of an engine, recorded in a process of its own."""
    log = folder / "record"
    said = {"RECORD_ROOT": str(folder / "world"), "RECORD_LOG": str(log)}
    command = [sys.executable, "-m", "tests.reliability.power", str(folder), engine]
    environment = {**os.environ, **said, "LD_PRELOAD": str(recorder), SWITCH: "on"}
    subprocess.run(command, check=True, env=environment, cwd=Path(__file__).parents[2])
    content = log.read_bytes()
    slices = pickle.loads((folder / "slices").read_bytes())
    return {
        name: Recorded(
            name,
            folder / name,
            said["RECORD_ROOT"],
            steps(content[slice(*slices[name])]),
            before=facts(folder / name, with_tables=name != "repair"),
            after=facts(folder / f"{name} done"),
        )
        for name in slices
    }


# Checks


def numbered(states: dict[str, int]) -> list[tuple[str, int]]:
    """Each job with the numbers of its states."""
    return [(name, nth) for name, number in states.items() for nth in range(number)]


def check_state(
    job: Recorded, name: str, nth: int, world: Path, run: Callable[[Path], None] | None = None
) -> int:
    """Check the nth seeded state of a job; the number of steps that were lost in it.

    `run` goes on from it; None means the embedded engine.
    """
    is_done, losses = job.world_without_power(random.Random(f"{SEED} {name} {nth}"), world)
    check(job, world, is_done, run or _run)
    return losses


def check(job: Recorded, root: Path, is_done: bool, run: Callable[[Path], None]) -> None:
    """Readers see whole releases; a plain run leaves what the undisturbed job leaves, and loses nothing."""
    is_erasing = is_erasure_begun(Datamart.at(root / "datamart", CATALOG).place)
    # While a person is being erased, readers may be told so.
    if not is_erasing:
        check_kept(job, facts(root, with_tables=False), is_done)
    # A plain run does not miss a file that nothing reads.
    (_repair if job.name == "repair" else run)(root)
    now = facts(root)
    check_kept(job, now, is_done)
    ends = [job.after.tables]
    if job.name == "erase" and not (is_done or is_erasing):
        ends.append(job.before.tables)
    assert now.tables in ends, f"{job.name}: other rows than those of the undisturbed job"
    assert is_published(Datamart.at(root / "datamart", CATALOG))
    log = Log(str(root / "datamart"))
    for table in DATA_TABLES:
        commits = [commit.path for commit in commit_files(log.folder(table))]
        for path in [*commits, *(log.folder(table) / file for file in log.files(table))]:
            assert has_its_checksum(path), f"{job.name}: {path} does not fit its checksum"


def has_its_checksum(path: Path) -> bool:
    """Whether a file is what the checksum says that Spark wrote beside it, if there is one."""
    beside = path.with_name(f".{path.name}.crc")
    if not beside.exists():
        return True
    said, content = beside.read_bytes(), path.read_bytes()
    chunks = [content[at : at + 512] for at in range(0, len(content), 512)]
    sums = b"".join(zlib.crc32(chunk).to_bytes(4, "big") for chunk in chunks)
    return said == b"crc\0" + (512).to_bytes(4, "big") + sums


def check_kept(job: Recorded, now: Facts, is_done: bool) -> None:
    """Nothing that was published or receipted is lost or other than it was."""
    there = job.after if is_done else job.before
    for number, held in now.releases.items():
        right = [f.releases[number] for f in (job.before, job.after) if number in f.releases]
        assert not right or held in right, f"{job.name}: release {number} has other rows"
    assert now.refused <= job.before.refused, f"{job.name}: releases {now.refused} are refused"
    gone = there.releases.keys() - now.releases.keys() - now.given_up
    assert not gone, f"{job.name}: releases {gone} are gone"
    assert there.receipts <= now.receipts, f"{job.name}: receipts are gone"


if __name__ == "__main__":
    record(Path(sys.argv[1]), sys.argv[2])

"""Jobs that are killed and stopped, the worlds they start in, and what they leave when they are let."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.generate import generate
from lakehouse.storage.datamart import Datamart
from lakehouse.training.build import reproduce
from lakehouse.training.receipts import receipts
from tests.inbox.split import split_all
from tests.reliability.narrow_main import CATALOG
from tests.reliability.process import (
    Deliveries,
    Done,
    check_whole,
    contents,
    deliveries,
    disturbed,
    finished,
)

SOURCES = [table.source for table in CATALOG.sources if table.source]
Command = Callable[[Path], list[str | Path]]


def _at(root: Path) -> list[str | Path]:
    return ["--data", root / "data", "--datamart", root / "datamart"]


def run(root: Path) -> list[str | Path]:
    return ["run", *_at(root)]


def _training_set(root: Path) -> list[str | Path]:
    return ["training-set", "--out", root / "train.parquet", *_at(root)]


def _optimize(root: Path) -> list[str | Path]:
    return ["optimize", *_at(root)]


def _vacuum(root: Path) -> list[str | Path]:
    return ["vacuum", "--yes", "--keep-releases", "1", *_at(root)]


@dataclass(frozen=True)
class Job:
    """A job, and the world it starts in."""

    name: str
    command: Command
    world: str


JOBS = {
    job.name: job
    for job in (
        Job("run", run, "nothing built"),
        Job("backfill", run, "earlier months arrived"),
        Job("correction", run, "rows corrected"),
        Job("inbox", run, "files arrived"),
        Job("optimize", _optimize, "three releases"),
        Job("vacuum", _vacuum, "three releases"),
        Job("training-set", _training_set, "three releases"),
    )
}


def _cut(data: Path, keep: Callable[[pd.DataFrame], pd.Series[bool]]) -> None:
    for file in data.glob("*.csv"):
        rows = pd.read_csv(file, dtype=str, keep_default_na=False)
        rows[keep(rows)].to_csv(file, index=False)


def _corrected(rows: pd.DataFrame) -> pd.DataFrame:
    """Two rows vanish, one is damaged, and numbers of a customer change."""
    changed = rows.drop(rows.index[[5, 20]]).reset_index(drop=True)
    numbers = [c for c in ("fe_1", "Age", "Annual_Income", "overdue_amt") if c in changed]
    of_one = changed.Customer_ID == changed.Customer_ID[0]
    changed.loc[of_one, numbers] = "33"
    changed.loc[7, "snapshot_date"] = "no day"
    return changed


def make_worlds(root: Path) -> dict[str, Path]:
    """Where each job starts, by name; to be copied."""
    nothing, backfill, three = root / "nothing", root / "backfill", root / "three"
    generate(nothing / "data", customers=25, months=5, seed=3)
    shutil.copytree(nothing, backfill)
    _cut(backfill / "data", lambda rows: rows.snapshot_date.map(_month) >= "2023-03")
    done(run(backfill))
    shutil.copytree(nothing / "data", backfill / "data", dirs_exist_ok=True)
    shutil.copytree(nothing, three)
    for through in ("2023-03", "2023-06"):
        done([*run(three), "--through", through])
    done(run(three))
    corrected = Path(shutil.copytree(three, root / "corrected"))
    for file in (corrected / "data").glob("*.csv"):
        _corrected(pd.read_csv(file, dtype=str, keep_default_na=False)).to_csv(file, index=False)
    done(_training_set(three))
    _make_inbox(nothing / "data", root / "inbox")
    return {
        "files arrived": root / "inbox",
        "nothing built": nothing,
        "earlier months arrived": backfill,
        "rows corrected": corrected,
        "three releases": three,
    }


def _make_inbox(whole: Path, root: Path) -> None:
    """A file per month and source: half are taken, then all are there, and one is archived.

    Another file supersedes the rows of a month, and a tombstone deletes some.
    """
    data, waiting = root / "data", root / "waiting"
    names = split_all(SOURCES, whole, waiting, seed=3)
    bases = [file.stem for file in whole.glob("*.csv")]
    of_each = [next(name for name in names if name.startswith(base)) for base in bases]
    _move([*of_each, *names[: len(names) // 2]], waiting, data)
    done(run(root))
    _move(names, waiting, data)
    rows = pd.read_csv(whole / "lms_loan_daily.csv", dtype=str, keep_default_na=False)
    some = rows[rows.snapshot_date.str.startswith("2023-03")]
    some.assign(paid_amt="1").to_csv(data / "lms_loan_daily_z.csv", index=False)
    some.head(3).to_csv(data / "lms_loan_daily_zz.deleted.csv", index=False)
    (data / next(name for name in of_each if name.startswith("lms_loan_daily"))).unlink()


def _move(names: list[str], waiting: Path, data: Path) -> None:
    for name in names:
        if (waiting / name).exists():
            (data / name).parent.mkdir(parents=True, exist_ok=True)
            (waiting / name).rename(data / name)


def _month(day: str) -> str:
    return f"{pd.to_datetime(day):%Y-%m}"


def done(argv: list[str | Path]) -> Done:
    """Do a command to its end; it must go well."""
    ended = finished(*argv)
    assert ended.code == 0, ended.err
    return ended


@dataclass(frozen=True)
class Undisturbed:
    """What a job does when it is let: how many files came or went, and the tables it leaves."""

    steps: int
    tables: dict[str, Any]
    deliveries: Deliveries


def let_be(name: str, world: Path, root: Path) -> Undisturbed:
    """Do a job to its end in a copy of its world."""
    shutil.copytree(world, root)
    ended = disturbed(JOBS[name].command(root), root / "datamart", after_steps=None)
    assert ended.code == 0, ended.err
    left = root / "datamart"
    return Undisturbed(ended.steps, contents(left), deliveries(left))


@dataclass(frozen=True)
class Stage:
    """A job in a world of its own, and what it would leave if it were let."""

    job: Job
    expected: Undisturbed
    root: Path

    @property
    def datamart(self) -> Path:
        return self.root / "datamart"

    def disturb(
        self,
        share: float,
        *more: str,
        how: signal.Signals = signal.SIGKILL,
        whole_group: bool = False,
    ) -> Done:
        """Do the job with more options, and send it a signal once so much of its work is done."""
        after = max(round(share * self.expected.steps), 1)
        return disturbed(
            [*self.job.command(self.root), *more], self.datamart, after, how, whole_group
        )

    def check_rerun(self) -> None:
        """The plain job again, and a run, leave what the undisturbed job leaves."""
        done(self.job.command(self.root))
        if self.job.command is not run:
            done(run(self.root))
        assert contents(self.datamart) == self.expected.tables
        found, expected = deliveries(self.datamart), self.expected.deliveries
        told = {key: (found.get(key), expected.get(key)) for key in {*found, *expected}}
        unlike = {key: pair for key, pair in told.items() if pair[0] != pair[1]}
        assert not unlike, (
            f"files, each with its numbers and those of the undisturbed job: {unlike}"
        )
        check_whole(self.datamart)
        check_receipts(self.datamart)


def check_receipts(datamart: Path) -> None:
    """Every receipt is that of a training set which can be built again, same content."""
    store = EmbeddedStore(Datamart.at(datamart, CATALOG))
    kept = receipts(store.log)
    assert len({each.training_set_id for each in kept}) == len(kept)
    for each in kept:
        assert reproduce(store, each.training_set_id) == each

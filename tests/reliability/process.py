"""A command as a process that can be killed in the middle of its work, and what it leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.releases import published
from lakehouse.releases.readable import check_readable
from lakehouse.releases.state import is_published
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from tests.reliability.narrow_main import CATALOG

ROOT = Path(__file__).parents[2]
_LOOK_SECONDS = 0.003
_HANGS_SECONDS = 300


@dataclass(frozen=True)
class Done:
    """How a process ended; `steps`: files that came or went in its datamart as far as was seen.

    `sent`: whether a signal was; a short job may come to its end between two looks.
    """

    code: int
    out: str
    err: str
    steps: int
    sent: bool = False


@contextmanager
def started(*argv: str | Path) -> Iterator[subprocess.Popen[str]]:
    """main.py with the narrow catalog, in a process group of its own."""
    command = [sys.executable, "-m", "tests.reliability.narrow_main", *map(str, argv)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, **pipes)
    try:
        yield process
    finally:
        if process.poll() is None:  # the test has failed
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def finished(*argv: str | Path) -> Done:
    """Run a command to its end."""
    with started(*argv) as process:
        out, err = process.communicate(timeout=_HANGS_SECONDS)
    return Done(process.returncode, out, err, 0)


def disturbed(
    argv: Sequence[str | Path],
    datamart: Path,
    after_steps: int | None,
    how: signal.Signals = signal.SIGKILL,
    whole_group: bool = False,
) -> Done:
    """Run a command, and send it a signal once so many files have come or gone in its datamart."""
    before = _files(datamart)
    seen: set[str] = set()
    sent = False
    with started(*argv) as process:
        while process.poll() is None:
            seen |= _files(datamart) ^ before
            if after_steps is not None and len(seen) >= after_steps and not sent:
                (os.killpg if whole_group else os.kill)(process.pid, how)
                sent = True
            time.sleep(_LOOK_SECONDS)
        out, err = process.communicate(timeout=_HANGS_SECONDS)
    return Done(process.returncode, out, err, len(seen), sent)


def _files(datamart: Path) -> set[str]:
    return {
        os.path.join(folder, name)  # noqa: PTH118 - this is called hundreds of times a second
        for folder, _, names in os.walk(datamart)
        for name in names
    }


def contents(datamart: Path) -> dict[str, dict[tuple[Any, ...], dict[str, Any]]]:
    """The rows of each table by key, less the columns that tell of the writing; no key is there twice."""
    log = Log(str(datamart))
    return {t.full_name: _by_key(log, t) for t in CATALOG.tables if t.layer != "ledger"}


Deliveries = dict[tuple[str, str], tuple[int, ...]]


def deliveries(datamart: Path) -> Deliveries:
    """By file and SHA-256: the rows by fate, and whether a newer version was taken."""
    numbers = ("rows_in", "accepted", "quarantined", "equal_duplicates", "superseded", "replaced")
    rows = Log(str(datamart)).read(CATALOG.table("ledger.deliveries"))
    found = {(row["file"], row["sha256"]): tuple(row[name] for name in numbers) for row in rows}
    assert len(found) == len(rows)
    return found


def _by_key(log: Log, table: Any) -> dict[tuple[Any, ...], dict[str, Any]]:
    rows = log.read(table)
    kept = [name for name in table.columns if name not in table.unversioned]
    by_key = {tuple(row[key] for key in table.keys): {n: row[n] for n in kept} for row in rows}
    assert len(by_key) == len(rows), f"{table.full_name} has a key twice"
    return by_key


def check_whole(datamart: Path) -> None:
    """Every kept release can be read; the newest says what is there; no job has left a file."""
    log = Log(str(datamart))
    known = published.releases(log)
    assert [row.number for row in known] == list(range(1, len(known) + 1))
    for row in known:
        if row.given_up_at is None:
            check_readable(log, row.pins, CATALOG.tables)
    assert is_published(Datamart.at(datamart, CATALOG))
    counts = {t.full_name: sum(log.rows_by_month(t).values()) for t in CATALOG.tables}
    assert known[-1].row_counts.items() <= counts.items()
    assert not list(datamart.glob("_work/job-*"))

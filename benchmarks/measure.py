"""Measures a command from process start to exit, with all processes that it starts; on Linux."""

from __future__ import annotations

import ctypes
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import psutil

ROOT = Path(__file__).resolve().parent.parent
MAIN = (sys.executable, str(ROOT / "main.py"))
_SAMPLED_SECONDS = 0.2
_PR_SET_CHILD_SUBREAPER = 36
_MIB = 1024**2


class TookTooLong(Exception):
    """A command was ended because its time was over."""


def print_heading(columns: Sequence[str]) -> None:
    """Print the cores and load of the machine, and the head of a table whose rows come one by one."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n\n| {' | '.join(columns)} |")
    print("|---" * len(columns) + "|", flush=True)


@dataclass(frozen=True)
class Cost:
    """The cost of a command; memory is the sum over its processes, including a JVM."""

    wall_seconds: float
    cpu_seconds: float
    peak_mib: float


@dataclass(frozen=True)
class Size:
    """The number and size of files in a folder of tables."""

    files: int
    mb: float
    log_mb: float


def measured(command: Sequence[str], limit_seconds: float | None = None) -> Cost:
    """Run a command to the end of all its processes; a non-zero exit is an error.

    TookTooLong where the limit is over: then they are killed.
    """
    _adopt_orphans()
    # As for a user, who has the modules compiled since the first run.
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
    assert process.stderr is not None
    with _Watch(process.pid, limit_seconds) as watch:
        told = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        cpu = _cpu_seconds(used) + sum(_orphans())
    process.returncode = os.waitstatus_to_exitcode(status)
    if watch.over:
        raise TookTooLong(f"{limit_seconds:.0f} s")
    if status:
        sys.exit(f"{' '.join(command)} failed:\n{told.decode()}")
    return Cost(wall, cpu, max(watch.peak_bytes, used.ru_maxrss * 1024) / _MIB)


def _adopt_orphans() -> None:
    """Become the parent of what a command leaves: a JVM outlives its Python, which waits for it not."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def _orphans() -> Iterator[float]:
    """The CPU seconds of each orphan, as it ends."""
    with suppress(ChildProcessError):
        while True:
            yield _cpu_seconds(os.wait4(-1, 0)[2])


def _cpu_seconds(used: resource.struct_rusage) -> float:
    return used.ru_utime + used.ru_stime


class _Watch:
    """Samples the memory of a process and all below it, and kills them when their time is over."""

    def __init__(self, pid: int, limit_seconds: float | None) -> None:
        self.peak_bytes = 0
        self.over = False
        self._process = psutil.Process(pid)
        self._ends = time.monotonic() + (limit_seconds or float("inf"))
        self._ended = Event()
        self._thread = Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(_SAMPLED_SECONDS):
            with suppress(psutil.NoSuchProcess):
                processes = [self._process, *self._process.children(recursive=True)]
                self.peak_bytes = max(self.peak_bytes, _resident(processes))
                if time.monotonic() > self._ends:
                    self.over = True
                    for each in processes:
                        each.kill()


def _resident(processes: Sequence[psutil.Process]) -> int:
    """Their memory together; a JVM's child that has yet to become a program of its own shares the JVM's."""
    sizes: dict[object, int] = {}
    for process in processes:
        with suppress(psutil.NoSuchProcess), process.oneshot():
            command = process.cmdline()
            # Such a child has the name of the thread that made it, but the command of the JVM.
            is_jvm = bool(command) and Path(command[0]).name == "java"
            key = tuple(command) if is_jvm else process.pid
            sizes[key] = max(sizes.get(key, 0), int(process.memory_info().rss))
    return sum(sizes.values())


def size(folder: Path) -> Size:
    """Files, megabytes, and megabytes of Delta logs."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    in_logs = [file for file in files if "_delta_log" in file.parts]
    mb, log_mb = (sum(file.stat().st_size for file in some) / 1e6 for some in (files, in_logs))
    return Size(len(files), mb, log_mb)


def median(costs: Sequence[Cost]) -> Cost:
    """Medians of seconds, the largest peak of memory."""
    return Cost(
        statistics.median(cost.wall_seconds for cost in costs),
        statistics.median(cost.cpu_seconds for cost in costs),
        max(cost.peak_mib for cost in costs),
    )

"""A standalone Spark cluster on loopback, out of the classes that pip's PySpark has: a master and workers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyspark

SPARK_HOME = Path(pyspark.__file__).parent
WORKER_MEMORY_MIB = 768
_URL = re.compile(r"spark://127\.0\.0\.1:\d+")
_COMES_SECONDS = 120


@dataclass(frozen=True)
class Worker:
    """A worker, which leads a process group with its executors in it."""

    process: subprocess.Popen[bytes]
    work: Path

    @property
    def has_executor(self) -> bool:
        return any(self.work.glob("app-*/*"))

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass(frozen=True)
class Cluster:
    """The master's URL, and its workers."""

    url: str
    workers: list[Worker]


@contextmanager
def cluster(root: Path, workers: int) -> Iterator[Cluster]:
    """A cluster whose workers have one core each; all of it ends with the context."""
    with ExitStack() as running:
        log = root / "master.log"
        running.enter_context(_daemon("master.Master", log))
        until(lambda: bool(_URL.search(log.read_text())))
        url = _URL.findall(log.read_text())[0]
        made = []
        for number in range(workers):
            work = root / f"worker{number}"
            work.mkdir()
            size = ["--cores", "1", "--memory", f"{WORKER_MEMORY_MIB}m", "--work-dir", str(work)]
            started = _daemon("worker.Worker", root / f"worker{number}.log", *size, url)
            made.append(Worker(running.enter_context(started), work))
        yield Cluster(url, made)


@contextmanager
def _daemon(name: str, log: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [SPARK_HOME / "bin" / "spark-class", f"org.apache.spark.deploy.{name}"]
    here = ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]
    env = {
        **os.environ,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_JAVA_OPTS": "-XX:TieredStopAtLevel=1 -Dspark.master.rest.enabled=false",
        "SPARK_DAEMON_MEMORY": "256m",
    }
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, *here, *arguments],
            env=env, stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def until(happened: Callable[[], bool]) -> None:
    """Wait for it; AssertionError where it does not happen within two minutes."""
    end = time.monotonic() + _COMES_SECONDS
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)

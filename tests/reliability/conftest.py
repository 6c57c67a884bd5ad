"""The worlds in which jobs are killed, and what the jobs leave when they are let; made once."""

from __future__ import annotations

import os
import pickle
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from filelock import FileLock

from tests.reliability.disk import built_recorder
from tests.reliability.jobs import JOBS, Stage, Undisturbed, let_be, make_worlds
from tests.reliability.power import Recorded, recorded


@pytest.fixture(scope="session")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Where each job starts, by name; to be copied."""
    return make_worlds(tmp_path_factory.mktemp("worlds"))


@pytest.fixture(scope="session")
def undisturbed(
    worlds: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Undisturbed]:
    """What a job does and leaves when nothing disturbs it, by its name."""

    @cache
    def of(name: str) -> Undisturbed:
        root = tmp_path_factory.mktemp(f"undisturbed-{name}") / "world"
        return let_be(name, worlds[JOBS[name].world], root)

    return of


@pytest.fixture
def staged(
    worlds: dict[str, Path], undisturbed: Callable[[str], Undisturbed], tmp_path: Path
) -> Callable[[str], Stage]:
    """A job by its name, in a copy of its world."""

    def stage(name: str) -> Stage:
        root = Path(tempfile.mkdtemp(dir=tmp_path)) / "world"
        shutil.copytree(worlds[JOBS[name].world], root)
        return Stage(JOBS[name], undisturbed(name), root)

    return stage


@pytest.fixture(scope="session")
def recorded_jobs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recorded]:
    """Every job with all that it did to files, recorded once for all processes of a test run."""
    return _recorded(tmp_path_factory, "embedded")


@pytest.fixture(scope="session")
def recorded_on_spark(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recorded]:
    """Two runs on Spark with all that Python and the JVM did to files."""
    return _recorded(tmp_path_factory, "spark")


def _recorded(tmp_path_factory: pytest.TempPathFactory, engine: str) -> dict[str, Recorded]:
    if sys.platform != "linux" or shutil.which("gcc") is None:
        pytest.skip("recording what a job does to files needs Linux and gcc")
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    kept = shared / f"recorded-{engine}.pickle"
    with FileLock(shared / f"recorded-{engine}.lock"):
        if not kept.exists():
            folder = Path(tempfile.mkdtemp(dir=shared, prefix="recorded-"))
            jobs = recorded(folder, built_recorder(folder), engine)
            kept.write_bytes(pickle.dumps(jobs))
    return dict(pickle.loads(kept.read_bytes()))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Path]:
    """A path for a world, which is removed afterwards, because there are hundreds."""
    yield tmp_path / "world"
    shutil.rmtree(tmp_path / "world", ignore_errors=True)

"""One embedded session for all tests of a process, and small deliveries to run on."""

from __future__ import annotations

import gc
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import settings

from lakehouse.catalog import load
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.generate import generate
from lakehouse.run.job import Job, Report
from lakehouse.run.run import run
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.sync import SWITCH
from tests.bank import Bank, make_bank
from tests.on_spark import OnSpark, spark_process

ROOT = Path(__file__).parent.parent
# On a loaded machine an example may take any time. The examples are the same each time, so that a failure is
# a fault of the change; `--hypothesis-profile=explore` looks for others.
settings.register_profile("lakehouse", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, derandomize=False)
settings.load_profile("lakehouse")
# Tests need no disk; those of syncing switch it on.
os.environ.setdefault(SWITCH, "off")
# Libraries and tests are half a million objects that stay: to look through them again took a third of the
# time in which tests are collected. Each test's own are still looked through.
gc.set_threshold(50_000)
# Each holds an engine, which takes about a gigabyte.
_MOST_WORKERS = 4


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One process per core, or none beside this one for a single file: workers take seconds to start."""
    asked = [Path(argument.split("::")[0]) for argument in config.args]
    if len(set(asked)) == 1 and asked[0].is_file():
        return 0
    return min(os.cpu_count() or 1, _MOST_WORKERS)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--every 5` runs a fifth of the parameters of each slow test."""
    parser.addoption("--every", type=int, default=1, help="of each slow test, run one in N")


def pytest_collection_finish() -> None:
    """Leave what the tests share out of every later search for garbage."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests of the Spark engine are slow and need Java; where there is none they are skipped, and say so."""
    _leave_out(config, items)
    without_java = shutil.which("java") is None and "JAVA_HOME" not in os.environ
    for item in items:
        if item.get_closest_marker("spark"):
            item.add_marker(pytest.mark.slow)
            if without_java:
                item.add_marker(pytest.mark.skip(reason="no Java for the Spark engine"))


def _leave_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep one in `--every` parameters of each slow test: at least one, and always the same ones."""
    states: dict[str, list[pytest.Item]] = {}
    for item in items:
        is_slow = item.get_closest_marker("slow") or item.get_closest_marker("spark")
        if is_slow and not item.get_closest_marker("each"):
            states.setdefault(item.nodeid.split("[")[0], []).append(item)
    left_out = {
        item
        for test, of_test in states.items()
        for item in random.Random(test).sample(
            of_test, len(of_test) - len(of_test[:: config.option.every])
        )
    }
    if left_out:
        config.hook.pytest_deselected(items=[*left_out])
        items[:] = [item for item in items if item not in left_out]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Tests that were all skipped show nothing: the exit code is then that of no tests."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    shown = reporter is None or session.config.option.collectonly or reporter.stats.get("passed")
    if exitstatus == pytest.ExitCode.OK and not shown:
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Have a folder filled once for all processes of a test run; none of them may change it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name: str, fill: Callable[[Path], object]) -> Path:
        folder = shared / name
        with FileLock(shared / f"{name}.lock"):
            if not folder.exists():
                begun = Path(tempfile.mkdtemp(dir=shared, prefix=f"{name}-"))
                fill(begun)
                begun.rename(folder)
        return folder

    return made


@pytest.fixture(scope="session")
def generated(made_once: Callable[..., Path]) -> Path:
    """A small generated delivery; copy it before changing it."""
    return made_once("generated", lambda folder: generate(folder, customers=40, months=8, seed=3))


@pytest.fixture(scope="session")
def taken(generated: Path, made_once: Callable[..., Path]) -> Path:
    """The datamart that a run makes of the small delivery; copy it before changing it."""
    return made_once("taken", lambda folder: run(job(generated, folder)))


def job(data: Path, datamart: Path, **changes: Any) -> Job:
    """A run of the declared tables on the embedded engine of this process."""
    given: dict[str, Any] = {
        "data": data,
        "datamart": Datamart.at(datamart, load()),
        "open_store": lambda datamart, _size: EmbeddedStore(datamart),
    }
    return Job(**{**given, **changes})


@pytest.fixture
def data(generated: Path, tmp_path: Path) -> Path:
    """A copy of the small delivery that a test may change."""
    folder = tmp_path / "data"
    folder.mkdir()
    for file in generated.glob("*.csv"):
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.fixture
def run_job(data: Path, tmp_path: Path) -> Callable[..., Report]:
    """Run the pipeline in this process on the embedded engine; keywords are those of Job."""

    def call(datamart: Path = tmp_path / "datamart", **changes: Any) -> Report:
        return run(job(**{"data": data, "datamart": datamart, **changes}))

    return call


@pytest.fixture(scope="session")
def pristine(made_once: Callable[..., Path]) -> Bank:
    """Four releases, see `make_bank`. Not to be changed; copy it."""
    return Bank(made_once("bank", make_bank))


@pytest.fixture(scope="session")
def on_spark() -> Iterator[OnSpark]:
    """Call a function in the process of Spark: PySpark refuses a classic beside a Connect session."""
    with spark_process() as call:
        yield call


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The sample of the real files, where this checkout stands beside it."""
    folder = Path(os.environ.get("LAKEHOUSE_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no sample of the real files at {folder}")
    return folder

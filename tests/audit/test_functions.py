"""Transformations that open files or use the network, and clean twins of them."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import LongType

from lakehouse.audit.finding import Check
from lakehouse.audit.functions import functions_check
from lakehouse.audit.guard import watched
from lakehouse.engines.choose import open_store
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.engines.store import Store
from lakehouse.releases import published
from lakehouse.run.job import Job
from lakehouse.run.run import run
from lakehouse.silver.clickstream import TABLE as CLICKSTREAM
from lakehouse.storage.datamart import Datamart
from lakehouse.table import Table
from tests.audit.planted import catalog_with, group
from tests.on_spark import OnSpark

CLICKS = group("clicks", CLICKSTREAM, fe_1=lambda: F.col("fe_1"))
Batches = Iterable[pa.RecordBatch]


def by_batches(function: Callable[[Batches], Iterator[pa.RecordBatch]]) -> Table:
    """The clicks, passed through a function of batches."""
    own = CLICKS.transform
    assert own is not None
    types = ", ".join(f"{field.name} {field.type}" for field in CLICKS.fields)

    def transform(rows: DataFrame, months: Sequence[str] | None = None) -> DataFrame:
        return own(rows).select(*CLICKS.columns).mapInArrow(function, types)

    return replace(CLICKS, transform=transform)


def passing(batches: Batches) -> Iterator[pa.RecordBatch]:
    # An import opens files of Python.
    import zipapp

    assert zipapp
    yield from batches


def reading(file: str, tries: bool = False) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    def reads_outcomes(batches: Batches) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            try:
                Path(file).read_text(encoding="utf-8")
            except OSError:
                if not tries:
                    raise
            yield batch

    return reads_outcomes


@pytest.fixture(scope="module")
def store(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A datamart to run transformations on: their tables need not be built."""
    datamart = Datamart.at(tmp_path_factory.mktemp("functions") / "datamart", catalog_with(CLICKS))
    run(Job(generated, datamart, lambda datamart, _size: EmbeddedStore(datamart)))
    return EmbeddedStore(datamart)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("outcomes") / "outcomes.csv"
    path.write_text("customer_id,label\nCUS_0x1,1\n", encoding="utf-8")
    return str(path)


def check(store: Store, *groups: Table) -> Check:
    return functions_check(store, catalog_with(*groups), published.release(store.log, 1))


def evidence(found: Check) -> list[str]:
    return [each.evidence for each in found.findings]


def test_a_function_of_its_batches_alone_passes_and_is_named(store: Store) -> None:
    passed = check(store, by_batches(passing))

    assert passed.findings == ()
    assert passed.looked_at == "4 transformations; Python functions: passing"


@pytest.mark.parametrize("tries", [False, True], ids=["fails", "goes on without it"])
def test_a_function_that_opens_a_file_is_named_with_the_file(
    store: Store, file: str, tries: bool
) -> None:
    (found,) = check(store, by_batches(reading(file, tries))).findings

    assert found.subject == "gold.features_clicks"
    assert found.evidence.startswith(f"its function reads_outcomes opens {file}; ")


def test_a_transformation_that_opens_a_file_itself_is_found(store: Store, file: str) -> None:
    own = CLICKS.transform
    assert own is not None

    def transform(rows: DataFrame, months: Sequence[str] | None = None) -> DataFrame:
        bad = pd.read_csv(file)["customer_id"].tolist()
        return own(rows).withColumn("fe_1", F.col("customer_id").isin(bad).cast("bigint"))

    (found,) = evidence(check(store, replace(CLICKS, transform=transform)))

    assert found.startswith(f"its transformation opens {file}; ")


def test_a_function_of_single_values_is_watched_too(store: Store, file: str) -> None:
    def labelled(value: int) -> int:
        return value + len(Path(file).read_text(encoding="utf-8"))

    def feature() -> Any:
        return F.udf(labelled, LongType(), useArrow=False)("fe_1")

    (found,) = evidence(check(store, group("clicks", CLICKSTREAM, fe_1=feature)))

    assert found.startswith(f"its function labelled opens {file}; ")


def test_after_the_check_the_same_function_may_open_files_again(store: Store, file: str) -> None:
    leaking = by_batches(reading(file))
    check(store, leaking)

    assert leaking.transform is not None
    assert leaking.transform(store.read(CLICKSTREAM)).count()


# The refusals


def connects() -> None:
    with socket.socket() as own:
        own.connect(("127.0.0.1", 9))


def starts_a_process() -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


@pytest.mark.parametrize(
    ("function", "tried"), [(connects, "uses the network"), (starts_a_process, "starts a process")]
)
def test_network_and_processes_are_refused(function: Callable[[], None], tried: str) -> None:
    with pytest.raises(PermissionError, match=rf'"{function.__name__}", "{tried}"'):
        watched(function)()


def test_what_is_not_watched_in_the_same_process_is_not_refused(file: str) -> None:
    read: list[str] = []

    def elsewhere() -> None:
        read.append(Path(file).read_text(encoding="utf-8"))

    def meanwhile() -> None:
        # A thread of the engine, which began before.
        begin.set()
        done.wait(60)

    begin, done = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: (begin.wait(60), elsewhere(), done.set()))
    thread.start()
    watched(meanwhile)()
    thread.join()
    elsewhere()

    assert len(read) == 2


# On Spark


def told_on(engine: str, datamart: str, file: str) -> list[str]:
    """The answer of the check on an engine."""
    store = open_store(engine, Datamart.at(datamart, catalog_with(CLICKS)))
    return evidence(check(store, by_batches(reading(file, tries=True))))


@pytest.mark.spark
def test_spark_finds_what_the_embedded_engine_finds(
    store: Store, file: str, on_spark: OnSpark
) -> None:
    told = told_on("embedded", store.log.root, file)

    assert on_spark(told_on, "spark", store.log.root, file) == told
    assert len(told) == 1

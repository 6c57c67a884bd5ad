"""The same command on a cluster: the same tables, also where a worker dies; a silent cluster is one line."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.engines.spark_session import start
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.generate import generate
from tests.cluster.cluster import WORKER_MEMORY_MIB, Cluster, cluster, until
from tests.reliability.process import check_whole, contents, finished, started

# A few rows on small machines: as few tasks, and as little compiling, as there can be.
SMALL = {
    "spark.executor.memory": "512m",
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.sql.shuffle.partitions": "2",
}


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster"), workers=2) as running:
        yield running


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    generate(folder, customers=10, months=4, seed=3)
    return folder


def with_settings(folder: Path, patch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    """As an operator gives them: in a spark-defaults.conf."""
    folder.mkdir()
    lines = (f"{name} {value}\n" for name, value in settings.items())
    (folder / "spark-defaults.conf").write_text("".join(lines))
    patch.setenv("SPARK_CONF_DIR", str(folder))


@pytest.mark.slow
@pytest.mark.spark
def test_a_cluster_that_loses_a_worker_in_the_middle_leaves_the_tables_of_local_mode(
    two_workers: Cluster, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = {name: ["--data", raw, "--datamart", tmp_path / name] for name in ("local", "cluster")}
    assert finished("run", *at["local"], "--engine", "embedded").code == 0
    with_settings(tmp_path / "conf", monkeypatch, SMALL)
    monkeypatch.setenv("SPARK_MASTER", two_workers.url)

    with started("run", *at["cluster"], "--json") as process:
        half_way = tmp_path / "cluster" / "silver" / "attributes"
        until(lambda: any(half_way.glob("month=*")) or process.poll() is not None)
        assert all(worker.has_executor for worker in two_workers.workers)
        two_workers.workers[0].kill()
        out, err = process.communicate()

    assert (process.returncode, err) == (0, "")
    assert json.loads(out)["engine"] == "spark"
    assert contents(tmp_path / "cluster") == contents(tmp_path / "local")
    check_whole(tmp_path / "cluster")


@pytest.mark.slow
@pytest.mark.spark
def test_a_cluster_that_gives_no_executor_is_one_line(
    two_workers: Cluster, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    too_much = {"spark.executor.memory": f"{WORKER_MEMORY_MIB + 1}m"}
    wait = {"spark.lakehouse.executorsWaitSeconds": "5"}
    with_settings(tmp_path / "conf", monkeypatch, SMALL | too_much | wait)

    at = ["--data", raw, "--datamart", tmp_path / "datamart"]
    ended = finished("run", *at, "--master", two_workers.url)

    assert ended.code == 1
    (line,) = ended.err.splitlines()
    assert f"{two_workers.url} gave no executor within 5 s" in line


@pytest.mark.slow
@pytest.mark.spark
def test_workers_whose_python_has_no_numpy_are_told_what_they_need(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    bare.chmod(0o755)
    monkeypatch.setenv("PYSPARK_PYTHON", str(bare))

    ended = finished("run", "--data", raw, "--datamart", tmp_path / "datamart", "--engine", "spark")

    assert ended.code == 1
    *_, line = ended.err.splitlines()
    assert "gold.features_clickstream: Spark's workers need Python" in line
    assert "PYSPARK_PYTHON" in line


def test_a_master_that_does_not_answer_is_told_at_once() -> None:
    with socket.socket() as taken:
        # Bound, it listens to nobody.
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(LakehouseError, match="does not answer"):
            start(f"spark://127.0.0.1:{taken.getsockname()[1]}")


def test_what_names_no_master_is_refused() -> None:
    with pytest.raises(BadInput, match="spark://host:7077"):
        start("spark://host:port")

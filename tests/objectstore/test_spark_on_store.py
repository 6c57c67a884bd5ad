"""Embedded and Spark one after the other on one datamart in an object store."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from lakehouse.releases import published
from tests.objectstore.conftest import BUCKET, SECRET, Mart
from tests.reliability.process import started

pytestmark = [pytest.mark.spark, pytest.mark.slow]


def _command_lines(group: int) -> str:
    """What `ps` shows of the processes of a group."""
    shown = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-g", str(group)], capture_output=True, text=True
    )
    return shown.stdout


def test_spark_goes_on_where_embedded_stopped_and_shows_no_secret(
    s3: Mapping[str, str], raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    in_store = Mart(raw, f"s3a://{BUCKET}/by/turns")
    in_folder = Mart(raw, str(tmp_path / "datamart"))
    in_store.build("2023-03")
    command_lines = ""
    argv = in_store.at("run", "--through", "2023-09", "--engine", "spark", "--json")
    with started(*argv) as process:
        while process.poll() is None:
            command_lines += _command_lines(process.pid)
            try:
                process.wait(1.0)
            except subprocess.TimeoutExpired:
                continue
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert "org.apache.spark.deploy.SparkSubmit" in command_lines
    assert not any(SECRET in said for said in (command_lines, out, err))
    for through in ("2023-03", "2023-09"):
        in_folder.build(through)
    assert in_store.rows() == in_folder.rows()
    assert [row.engine for row in published.releases(in_store.log)] == ["embedded", "spark"]
    assert in_store.build("2023-09").engine == "none"
    made = tmp_path / "embedded", tmp_path / "spark"
    in_store.call(capsys, "training-set", "--out", made[0])
    again = in_store.at("training-set", "--out", made[1], "--engine", "spark")
    with started(*again) as process:
        _, err = process.communicate()
    assert process.returncode == 0, err
    assert made[0].read_bytes() == made[1].read_bytes()
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == SECRET

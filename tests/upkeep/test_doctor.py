"""The doctor says what a machine lacks, and how to get it."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest

from lakehouse.catalog import load
from lakehouse.engines import jars
from lakehouse.storage.place import place
from lakehouse.upkeep import doctor

Findings = dict[str, dict[str, str]]


def examine(data: Path, datamart: Path) -> Findings:
    found = [asdict(each) for each in doctor.examine(data, place(datamart), load())]
    assert all(set(each) == {"subject", "state", "found", "remedy"} for each in found)
    # Who is well needs no remedy, who is not gets one.
    assert all(bool(each["remedy"]) is (each["state"] != "ok") for each in found)
    assert {each["state"] for each in found} <= {"ok", "missing", "absent"}
    return {each["subject"]: each for each in found}


@pytest.fixture
def version_of(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    """Versions that packages pretend to have; None is not installed."""
    pretended: dict[str, str | None] = {}

    def version(name: str) -> str:
        found = pretended.get(name, doctor.PINNED[name])
        if found is None:
            raise metadata.PackageNotFoundError(name)
        return found

    monkeypatch.setattr(doctor, "version", version)
    return pretended


def test_what_this_project_runs_on_is_well(data: Path, tmp_path: Path) -> None:
    found = examine(data, tmp_path / "datamart")
    for subject in (
        "Python",
        "pyspark",
        "pysail",
        "deltalake",
        "Raw files",
        "Datamart can be written",
    ):
        assert found[subject]["state"] == "ok", found[subject]
    assert "features_attributes.csv" in found["Raw files"]["found"]
    assert not (tmp_path / "datamart").exists()


@pytest.mark.parametrize("name", ["pyspark", "pysail", "deltalake", "delta-spark"])
def test_a_package_that_is_not_installed_is_missing(
    data: Path, tmp_path: Path, version_of: dict[str, str | None], name: str
) -> None:
    version_of[name] = None
    found = examine(data, tmp_path)
    assert found[name]["state"] == "missing" and found[name]["found"] == "not installed"
    assert found[name]["remedy"] == (
        f"pip install -r requirements.txt installs {doctor.PINNED[name]}"
    )
    others = [each for each in doctor.PINNED if each != name]
    assert {found[each]["state"] for each in others} == {"ok"}


def test_a_package_of_another_version_is_told_with_both(
    data: Path, tmp_path: Path, version_of: dict[str, str | None]
) -> None:
    version_of["deltalake"] = "0.1.0"
    found = examine(data, tmp_path)["deltalake"]
    assert (found["state"], found["found"]) == ("missing", "0.1.0")
    assert doctor.PINNED["deltalake"] in found["remedy"]


def test_the_pinned_versions_are_those_of_requirements() -> None:
    locked = (Path(doctor.__file__).parents[2] / "requirements.txt").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([\w-]+)(?:\[.*\])?==(\S+)", locked, flags=re.MULTILINE))
    assert {name: pinned.get(name) for name in doctor.PINNED} == doctor.PINNED


@pytest.mark.parametrize("folder", ["nowhere", "empty"])
def test_without_raw_files_it_says_where_to_put_or_how_to_make_them(
    tmp_path: Path, folder: str
) -> None:
    (tmp_path / "empty").mkdir()
    found = examine(tmp_path / folder, tmp_path)["Raw files"]
    assert found["state"] == "missing" and str(tmp_path / folder) in found["found"]
    assert f"python main.py generate --out {tmp_path / folder}" in found["remedy"]


def java(folder: Path, says: str) -> Path:
    """A java that says its version as the real one does."""
    command = folder / "bin" / "java"
    command.parent.mkdir(parents=True)
    command.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{says}\nEND\n", encoding="utf-8")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    return folder


@pytest.mark.parametrize(
    ("says", "state"),
    [
        ('openjdk version "17.0.9" 2023-10-17', "ok"),
        ('openjdk version "21" 2023-09-19', "ok"),
        ('java version "1.8.0_391"', "absent"),
        ('openjdk version "11.0.2" 2019-01-15', "absent"),
        ("", "absent"),
    ],
)
def test_java_17_or_21_is_found_others_are_not_enough(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, state: str
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java(tmp_path / "jdk", says)))
    found = examine(data, tmp_path)["Java (Spark engine)"]
    assert found["state"] == state
    if state == "absent":
        assert "17 or 21" in found["remedy"] and "--engine embedded" in found["remedy"]
    else:
        assert found["found"] == says


def test_a_java_that_does_not_answer_is_told_in_one_line(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jdk = java(tmp_path / "jdk", "")
    (jdk / "bin" / "java").write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    monkeypatch.setenv("JAVA_HOME", str(jdk))
    monkeypatch.setattr("lakehouse.upkeep.doctor.JAVA_SECONDS", 0.2)
    found = examine(data, tmp_path)["Java (Spark engine)"]
    assert found["state"] == "absent" and "has not told its version within" in found["found"]


@pytest.mark.parametrize("home", [None, "nowhere"])
def test_without_java_the_embedded_engine_is_advised(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str | None
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    if home:
        monkeypatch.setenv("JAVA_HOME", str(tmp_path / home))
    found = examine(data, tmp_path)["Java (Spark engine)"]
    assert found["state"] == "absent" and "--engine embedded" in found["remedy"]


def test_jars_that_are_not_there_yet_are_no_fault(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jars, "kept_jars", lambda: [])
    found = examine(data, tmp_path)["Delta's jars (Spark engine)"]
    assert found["state"] == "absent" and "Maven Central" in found["remedy"]


def test_an_altered_jar_is_told_and_what_to_do(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [tmp_path / ".ivy2.5.2" / "jars" / name for name in jars.DELTA_SHA256]
    kept[0].parent.mkdir(parents=True)
    for jar in kept:
        jar.write_bytes(b"other")
    monkeypatch.setattr(jars, "kept_jars", lambda: kept)
    found = examine(data, tmp_path)["Delta's jars (Spark engine)"]
    assert found["state"] == "missing" and str(kept[0]) in found["found"]
    assert str(tmp_path / ".ivy2.5.2") in found["remedy"]


def test_a_full_disk_is_told(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage(NamedTuple):
        total: int
        used: int
        free: int

    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: Usage(1 << 40, 1 << 40, 1 << 29))
    found = examine(data, tmp_path)["Free disk"]
    assert (found["state"], found["found"]) == ("missing", "0.5 GiB")
    assert "--datamart" in found["remedy"]


def test_a_datamart_that_cannot_be_written_is_told(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    found = examine(data, tmp_path / "file" / "datamart")["Datamart can be written"]
    assert found["state"] == "missing" and str(tmp_path / "file") in found["remedy"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_datamart_without_the_right_to_write_is_told(data: Path, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    found = examine(data, tmp_path / "locked" / "datamart")["Datamart can be written"]
    assert found["state"] == "missing"


@pytest.mark.parametrize(("mib", "state"), [(1535, "absent"), (1536, "ok")])
def test_too_little_memory_for_spark_is_told(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mib: int, state: str
) -> None:
    monkeypatch.setattr(doctor, "memory_bytes", lambda: mib << 20)
    found = examine(data, tmp_path)["Memory (Spark engine)"]
    assert (found["state"], found["found"]) == (state, "1.5 GiB")
    assert state == "ok" or "--engine embedded" in found["remedy"]

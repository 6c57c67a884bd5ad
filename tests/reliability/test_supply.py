"""The installed packages are the pinned ones, by version and hash, and so are Delta's jars."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lakehouse.engines import jars

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent.parent
LOCKS = {name: ROOT / name for name in ("requirements.txt", "requirements-dev.txt")}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DIRECT = PROJECT["dependencies"]
DIRECT_DEV = [*DIRECT, *PROJECT["optional-dependencies"]["dev"]]


@dataclass(frozen=True)
class Locked:
    """A line of a lock: a package, its one version, where it is installed, and the files it may be."""

    name: str
    version: str
    hashes: frozenset[str]
    applies: bool


def locked(text: str) -> list[Locked]:
    """The lines of a lock; ValueError where one is not pinned by version and hash."""
    lines = re.sub(r"#.*", "", text).replace("\\\n", " ").splitlines()
    return [_locked(line) for line in lines if line.strip()]


def _locked(line: str) -> Locked:
    told, *hashes = re.split(r"\s--hash=", line)
    requirement = Requirement(told)
    (pin,) = requirement.specifier
    if pin.operator != "==" or "*" in pin.version or not hashes:
        raise ValueError(f"not pinned: {line}")
    if not all(re.fullmatch(r"sha256:[0-9a-f]{64}\s*", each) for each in hashes):
        raise ValueError(f"no SHA-256: {line}")
    applies = requirement.marker is None or requirement.marker.evaluate()
    name = canonicalize_name(requirement.name)
    return Locked(name, pin.version, frozenset(map(str.strip, hashes)), applies)


def read(name: str) -> list[Locked]:
    return locked(LOCKS[name].read_text(encoding="utf-8"))


HASH = f"--hash=sha256:{'0' * 64}"


@pytest.mark.parametrize(
    "line",
    [
        "click",
        f"click {HASH}",
        f"click>=8.3.1 {HASH}",
        f"click==8.* {HASH}",
        "click==8.3.1",
        "click==8.3.1 --hash=md5:00",
        "--index-url somewhere",
        "-r other.txt",
    ],
)
def test_a_line_that_pins_nothing_is_found(line: str) -> None:
    assert locked(f"click==8.3.1 {HASH}")
    with pytest.raises(ValueError):
        locked(line)


@pytest.mark.parametrize("name", list(LOCKS))
def test_every_package_is_pinned_by_version_and_hash(name: str) -> None:
    here = [each.name for each in read(name) if each.applies]
    assert len(here) > 100 and len(here) == len(set(here))


@pytest.mark.parametrize(
    ("name", "direct"), [("requirements.txt", DIRECT), ("requirements-dev.txt", DIRECT_DEV)]
)
def test_the_lock_is_of_what_the_project_asks_for(name: str, direct: list[str]) -> None:
    versions = {each.name: each.version for each in read(name)}
    asked = [Requirement(each) for each in direct]
    drifted = [
        str(each)
        for each in asked
        if str(each.specifier) != f"=={versions.get(canonicalize_name(each.name))}"
    ]
    assert drifted == []


def test_developers_have_the_very_packages_of_users() -> None:
    def files(name: str) -> set[tuple[str, str, frozenset[str]]]:
        return {(each.name, each.version, each.hashes) for each in read(name)}

    assert files("requirements.txt") < files("requirements-dev.txt")


def test_what_is_installed_here_is_what_is_pinned() -> None:
    pinned = {each.name: each.version for each in read("requirements-dev.txt") if each.applies}
    assert {name: version(name) for name in pinned} == pinned


@pytest.mark.parametrize(
    ("vulnerabilities", "code"), [([], 0), (["CVE-1"], 0), (["CVE-2"], 1), (["CVE-1", "CVE-2"], 1)]
)
def test_a_known_vulnerability_that_nobody_explained_fails_the_build(
    vulnerabilities: list[str], code: int
) -> None:
    verdict = runpy.run_path(str(ROOT / ".ci" / "audit.py"))["verdict"]
    asked = {"name": "a", "version": "1", "vulns": [{"id": each} for each in vulnerabilities]}
    told = {"dependencies": [asked, {"name": "b", "skip_reason": "not known"}]}
    assert verdict(told, frozenset({"CVE-1"}))[0] == code


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with Delta's jars, of which a test may alter one."""
    kept = jars.kept_jars()
    if not kept:
        pytest.skip(
            "Delta's jars are not resolved here: the first run with --engine spark brings them"
        )
    (tmp_path / ".ivy2.5.2" / "jars").mkdir(parents=True)
    for jar in kept:
        shutil.copy(jar, tmp_path / ".ivy2.5.2" / "jars")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def alter(jar: Path) -> None:
    """Change one byte of it."""
    content = bytearray(jar.read_bytes())
    content[len(content) // 2] ^= 1
    jar.write_bytes(content)


def run_on_spark(data: Path, datamart: Path) -> subprocess.CompletedProcess[str]:
    words = ["main.py", "run", "--engine", "spark", "--data", data, "--datamart", datamart]
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=300
    )


def test_jars_as_they_were_published_are_taken(home: Path) -> None:
    kept = jars.kept_jars()
    assert {jar.parent for jar in kept} == {home / ".ivy2.5.2" / "jars"}
    assert jars.altered(kept) == []
    assert set(jars.settings()) == {"spark.jars"}


@pytest.mark.parametrize("name", list(jars.DELTA_SHA256))
def test_a_jar_with_one_byte_changed_is_found(home: Path, name: str) -> None:
    jar = home / ".ivy2.5.2" / "jars" / name
    alter(jar)
    assert jars.altered(jars.kept_jars()) == [jar]


def test_a_run_with_an_altered_jar_starts_no_spark(home: Path, data: Path, tmp_path: Path) -> None:
    jar = home / ".ivy2.5.2" / "jars" / "io.delta_delta-storage-4.4.0.jar"
    alter(jar)
    done = run_on_spark(data, tmp_path / "datamart")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: {jar} is not the jar that Maven Central has: delete {home / '.ivy2.5.2'}, "
        "which Spark's resolver fills again, and run again\n"
    )


def test_without_one_of_the_jars_the_resolver_brings_these_alone(home: Path) -> None:
    (home / ".ivy2.5.2" / "jars" / "io.delta_delta-storage-4.4.0.jar").unlink()
    assert jars.kept_jars() == []
    assert jars.settings()["spark.jars.ivy"] == str(home / ".ivy2.5.2")


@pytest.mark.spark
def test_an_altered_jar_that_the_resolver_brings_is_refused_before_any_work(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What it has in its cache it takes without asking Maven Central.
    cache = tmp_path / ".ivy2.5.2" / "cache"
    kept = jars.kept_jars()
    if not kept or not (kept[0].parent.parent / "cache").is_dir():
        pytest.skip("the resolver has no cache here")
    shutil.copytree(kept[0].parent.parent / "cache", cache)
    monkeypatch.setenv("HOME", str(tmp_path))
    (cached,) = cache.rglob("delta-storage-4.4.0.jar")
    with cached.open("ab") as jar:
        jar.write(b"\0")
    done = run_on_spark(data, tmp_path / "datamart")
    assert done.returncode == 1
    assert "io.delta_delta-storage-4.4.0.jar is not the jar" in done.stderr.splitlines()[-1]
    assert not list((tmp_path / "datamart").rglob("*.parquet"))

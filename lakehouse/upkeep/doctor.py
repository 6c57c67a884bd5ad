"""Checks what this machine has and lacks for each engine, and how to get it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lakehouse.catalog import Catalog
from lakehouse.engines.sizing import memory_bytes
from lakehouse.errors import LakehouseError
from lakehouse.landing.inbox import Inbox
from lakehouse.storage.data_bucket import Data, data_place
from lakehouse.storage.place import Place
from lakehouse.storage.rights import nearest_there, unwritable
from lakehouse.words import named

PINNED = {"pyspark": "4.2.0", "delta-spark": "4.4.0", "pysail": "0.7.2", "deltalake": "1.6.6"}
_NEEDED_BYTES = 1 << 30
JAVA_SECONDS = 30


@dataclass(frozen=True)
class Finding:
    """A subject and its `state`: ok, missing, damaged, refused by a run, or absent if it is not needed."""

    subject: str
    state: str
    found: str
    remedy: str


def examine(data: Data, datamart: Place, catalog: Catalog) -> list[Finding]:
    """One finding per subject; its state is ok, missing, or absent if only the Spark engine needs it."""
    return [
        _finding("Python", _python_ok(), sys.version.split()[0], "3.10, 3.11 or 3.12 is needed"),
        *(_package(name, pinned) for name, pinned in PINNED.items()),
        _java(),
        _jars(),
        _memory(),
        _data(data, catalog),
        *(_folder(datamart.folder) if datamart.folder else [_store(datamart)]),
    ]


def _finding(subject: str, good: bool, found: str, remedy: str) -> Finding:
    state = "ok" if good else "missing"
    return Finding(subject, state, found, "" if good else remedy)


def _optional(subject: str, good: bool, found: str, remedy: str) -> Finding:
    finding = _finding(subject, good, found, remedy)
    return finding if good else replace(finding, state="absent")


def _python_ok() -> bool:
    return (3, 10) <= sys.version_info[:2] <= (3, 12)


def _package(name: str, pinned: str) -> Finding:
    try:
        found = version(name)
    except PackageNotFoundError:
        found = "not installed"
    remedy = f"pip install -r requirements.txt installs {pinned}"
    return _finding(name, found == pinned, found, remedy)


def _java() -> Finding:
    subject, remedy = "Java (Spark engine)", "install a JRE 17 or 21, or use --engine embedded"
    home = os.environ.get("JAVA_HOME")
    command = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if not command:
        return _optional(subject, False, "none on the path", remedy)
    try:
        answer = subprocess.run(
            [command, "-version"], capture_output=True, text=True, timeout=JAVA_SECONDS
        ).stderr
    except OSError as error:
        return _optional(subject, False, f"{command}: {error.strerror}", remedy)
    except subprocess.TimeoutExpired:
        told = f"{command} has not told its version within {JAVA_SECONDS} s"
        return _optional(subject, False, told, remedy)
    major = re.search(r'version "(\d+)', answer)
    found = answer.splitlines()[0] if answer else command
    return _optional(
        subject, bool(major) and major is not None and major[1] in ("17", "21"), found, remedy
    )


def _jars() -> Finding:
    from lakehouse.engines.jars import altered, kept_jars, remedy

    subject, jars = "Delta's jars (Spark engine)", kept_jars()
    if not jars:
        remedy_of_none = "the first run with --engine spark gets them from Maven Central"
        return _optional(subject, False, "not yet resolved", remedy_of_none)
    for jar in altered(jars):
        return _finding(subject, False, f"{jar} is not the jar that Maven Central has", remedy(jar))
    return _finding(subject, True, str(jars[0].parent), "")


def _memory() -> Finding:
    from lakehouse.engines.spark_session import LEAST_MEMORY_MIB

    mib = memory_bytes() >> 20
    remedy = "give this machine or container 1.5 GiB, or use --engine embedded"
    return _optional(
        "Memory (Spark engine)", mib >= LEAST_MEMORY_MIB, f"{mib / 1024:.1f} GiB", remedy
    )


def _data(data: Data, catalog: Catalog) -> Finding:
    sources = [table.source for table in catalog.sources if table.source]
    inbox = Inbox(data_place(data), sources)
    try:
        files = sorted(file.name for each in sources for file in inbox.listing(each).files)
        found = named(files) or f"none in {data}"
    except LakehouseError as error:
        files, found = [], str(error)
    is_made = isinstance(data, Path) and catalog.bank.is_shipped
    made = f", or: python main.py generate --out {data}" if is_made else ""
    return _finding("Raw files", bool(files), found, f"put the raw files into {data}{made}")


def _folder(datamart: Path) -> list[Finding]:
    return [_writable(datamart), _disk(datamart)]


def _store(datamart: Place) -> Finding:
    try:
        datamart.check()
    except LakehouseError as error:
        return _finding("Object store", False, str(datamart), str(error))
    return _finding("Object store", True, str(datamart), "")


def _writable(datamart: Path) -> Finding:
    closed = unwritable(datamart)
    remedy = f"correct the rights of {closed}, or give another --datamart"
    return _finding("Datamart can be written", closed is None, str(datamart), remedy)


def _disk(datamart: Path) -> Finding:
    free = shutil.disk_usage(nearest_there(datamart)).free
    remedy = "free 1 GiB, or give a --datamart on another disk"
    return _finding("Free disk", free >= _NEEDED_BYTES, f"{free / 2**30:.1f} GiB", remedy)

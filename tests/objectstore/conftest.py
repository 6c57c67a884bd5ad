"""An S3 server on loopback, and a small bank in a bucket of it: raw files, releases, a training set."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import pytest

import lakehouse.catalog
from lakehouse.cli import main
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.generate import generate
from lakehouse.months import MonthRange
from lakehouse.run.job import Job, Report
from lakehouse.run.plan import Request
from lakehouse.run.run import run
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from tests.reliability.narrow_main import CATALOG

HERE = Path(__file__).parent
BUCKET = "bank"
KEY, SECRET = "AKIAOFTHESETESTS", "sEcReTofThEsEtEsTs/123"
_STARTS_SECONDS = 180
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks the server is slow: it takes seconds to start, and milliseconds per request."""
    for item in items:
        servers = {"s3", "strict"}.intersection(getattr(item, "fixturenames", ()))
        if item.path.parent == HERE and servers:
            item.add_marker(pytest.mark.slow)


@contextmanager
def s3_server(**env: str) -> Iterator[str]:
    """The URL of a server with one empty bucket; it runs in an environment of its own, which uv makes."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    uv = [sys.executable, "-m", "uv", "run", "--quiet", "--no-config", "--no-project"]
    needs = ["--python", sys.executable, "--with-requirements", str(HERE / "requirements.txt")]
    command = [*uv, *needs, "moto_server", "-H", "127.0.0.1", "-p", str(port)]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, env={**os.environ, **env}, **pipes) as process:
        try:
            _make_bucket(url, process)
            yield url
        finally:
            process.terminate()


def _make_bucket(url: str, process: subprocess.Popen[bytes]) -> None:
    signed = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={KEY}/20260101/us-east-1/s3/aws4_request"
    }
    make = urllib.request.Request(f"{url}/{BUCKET}", method="PUT", headers=signed)
    begun = time.monotonic()
    while process.poll() is None and time.monotonic() - begun < _STARTS_SECONDS:
        try:
            _NO_PROXY.open(make).close()
            return
        except URLError:
            time.sleep(0.2)
    raise RuntimeError(
        "no S3 server: uv could not install or start what requirements.txt here names"
    )


def environment(url: str) -> dict[str, str]:
    """What a user sets to work with a store."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }


@pytest.fixture(scope="session")
def s3() -> Iterator[Mapping[str, str]]:
    """A server, and the environment of this process and of its children set to it."""
    with s3_server() as url, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(url).items():
            patch.setenv(name, value)
        yield environment(url)


@dataclass(frozen=True)
class Told:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Mart:
    """Raw files, and a datamart made of them: in the bucket, or in a folder."""

    data: Path
    datamart: str

    @property
    def log(self) -> Log:
        return Log(self.datamart)

    def at(self, command: str, *arguments: str | Path) -> list[str]:
        places = ["--data", str(self.data), "--datamart", self.datamart]
        return [command, *map(str, arguments), *places]

    def call(
        self, capsys: pytest.CaptureFixture[str], command: str, *arguments: str | Path
    ) -> Told:
        """Do a command in this process, with the narrow catalog."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lakehouse.catalog, "load", lambda: CATALOG)
            code = main(self.at(command, *arguments), CATALOG)
        return Told(code, *capsys.readouterr())

    def build(self, through: str) -> Report:
        """Take the raw rows up to a month, in this process."""
        job = Job(
            data=self.data,
            datamart=Datamart.at(self.datamart, CATALOG),
            open_store=lambda datamart, _size: EmbeddedStore(datamart),
            request=Request(MonthRange(None, through)),
        )
        return run(job)

    def rows(self) -> dict[str, dict[tuple[object, ...], dict[str, object]]]:
        """The rows of each table by key, less the columns that tell of the writing."""
        return {t.full_name: self._rows(t) for t in CATALOG.tables if t.layer != "ledger"}

    def _rows(self, table: lakehouse.catalog.Table) -> dict[tuple[object, ...], dict[str, object]]:
        kept = [name for name in table.columns if name not in table.unversioned]
        rows = self.log.read(table)
        return {tuple(row[key] for key in table.keys): {n: row[n] for n in kept} for row in rows}


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw files of 25 customers and five months."""
    folder = tmp_path_factory.mktemp("raw")
    generate(folder, customers=25, months=5, seed=3)
    return folder


@pytest.fixture
def data(raw: Path, tmp_path: Path) -> Path:
    """A copy of the raw files."""
    return Path(shutil.copytree(raw, tmp_path / "data"))

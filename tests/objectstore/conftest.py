"""S3 servers on loopback; in a bucket of each a small bank: raw files, releases, a training set."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyarrow.fs import S3FileSystem

import lakehouse.catalog
from lakehouse.cli import main
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.generate import generate
from lakehouse.months import MonthRange
from lakehouse.releases.release import Release
from lakehouse.run.job import Job, Report
from lakehouse.run.plan import Request
from lakehouse.run.run import run
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from tests.objectstore.ceph import ceph, lacking
from tests.objectstore.daemon import daemon, free_ports
from tests.reliability.narrow_main import CATALOG

HERE = Path(__file__).parent
BUCKET = "bank"
KEY, SECRET = "AKIAOFTHESETESTS", "sEcReTofThEsEtEsTs/123"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks the server is slow: it takes seconds to start, and milliseconds per request."""
    for item in items:
        servers = {"s3", "strict"}.intersection(getattr(item, "fixturenames", ()))
        if item.path.parent == HERE and servers:
            item.add_marker(pytest.mark.slow)


@contextmanager
def moto(**env: str) -> Iterator[str]:
    """The URL of moto's server, which has no bucket yet; uv makes an environment for it."""
    (port,) = free_ports(1)
    uv = [sys.executable, "-m", "uv", "run", "--quiet", "--no-config", "--no-project"]
    needs = ["--python", sys.executable, "--with-requirements", str(HERE / "requirements.txt")]
    command = [*uv, *needs, "moto_server", "-H", "127.0.0.1", "-p", str(port)]
    with daemon(command, port, env):
        yield f"http://127.0.0.1:{port}"


def make_bucket(url: str) -> None:
    store = S3FileSystem(
        access_key=KEY,
        secret_key=SECRET,
        endpoint_override=url,
        region="us-east-1",
        allow_bucket_creation=True,
    )
    store.create_dir(BUCKET)


def environment(url: str) -> dict[str, str]:
    """What a user sets to work with a store."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }


@contextmanager
def as_endpoint(url: str) -> Iterator[Mapping[str, str]]:
    """The environment of this process and of its children set to a server."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(url).items():
            patch.setenv(name, value)
        yield environment(url)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """A server, and what a user sets to work with it: Ceph where it is installed, else moto's."""
    folder = tmp_path_factory.mktemp("ceph")
    with moto() if lacking() else ceph(folder, KEY, SECRET) as url:
        make_bucket(url)
        with as_endpoint(url) as settings:
            yield settings


@pytest.fixture(scope="session")
def real(s3: Mapping[str, str]) -> Mapping[str, str]:
    """The same server, if it is a real one; moto's does what one thread after the other asks."""
    if lacking():
        pytest.skip(f"no Ceph to try: {', '.join(lacking())} not installed")
    return s3


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
            patch.setattr(lakehouse.catalog, "load", lambda *_given: CATALOG)
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

    def rows(
        self, release: Release | None = None
    ) -> dict[str, dict[tuple[object, ...], dict[str, object]]]:
        """The rows of each table by key, now or of a release, less the columns that tell of the writing."""
        versions = release.versions if release else {}
        tables = [table for table in CATALOG.tables if table.layer != "ledger"]
        return {t.full_name: self._rows(t, versions.get(t.full_name)) for t in tables}

    def _rows(
        self, table: lakehouse.catalog.Table, version: int | None
    ) -> dict[tuple[object, ...], dict[str, object]]:
        kept = [name for name in table.columns if name not in table.unversioned]
        rows = self.log.read(table, version)
        by_key = {tuple(row[key] for key in table.keys): {n: row[n] for n in kept} for row in rows}
        assert len(by_key) == len(rows), f"{table.full_name} has a key twice"
        return by_key


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

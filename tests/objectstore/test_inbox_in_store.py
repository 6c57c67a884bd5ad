"""Raw files in an object store are taken as those of a folder are, and what moves there is named."""

from __future__ import annotations

import multiprocessing
import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyarrow.fs import S3FileSystem

from lakehouse.storage.bucket import Bucket
from tests.inbox import files
from tests.inbox.inbox import Inbox, Told
from tests.inbox.small_bank import VISITS, bank_of
from tests.inbox.split import split_all
from tests.inbox.test_split import ROOT, SOURCES, differing, main_py, tables, total
from tests.objectstore.conftest import BUCKET, KEY, SECRET
from tests.objectstore.faults import Faults, faults

BANK = bank_of(VISITS)


def url_of(prefix: str) -> str:
    return f"s3://{BUCKET}/{prefix}"


class Stored(Inbox):
    """Raw files at a prefix of the bucket, and their datamart in a folder."""

    @property
    def data(self) -> Any:
        return url_of(self.root.name)

    @property
    def bucket(self) -> Bucket:
        return Bucket(f"s3a://{BUCKET}/{self.root.name}")

    def put(self, name: str, *lines: str) -> Path:
        path = self.root / "sent" / name
        files.write(path, VISITS.header, lines)
        self.bucket.put(path, name)
        return path


@pytest.fixture
def stored(s3: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stored:
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    return Stored(tmp_path, BANK)


def filesystem(settings: Mapping[str, str]) -> S3FileSystem:
    return S3FileSystem(
        access_key=KEY,
        secret_key=SECRET,
        endpoint_override=settings["AWS_ENDPOINT_URL"],
        region="us-east-1",
    )


def remove(settings: Mapping[str, str], name: str) -> None:
    filesystem(settings).delete_file(f"{BUCKET}/{name}")


def test_files_of_a_store_are_taken_changed_and_archived_as_those_of_a_folder(
    stored: Stored, s3: Mapping[str, str]
) -> None:
    stored.put("visits_2023-01.csv", "a,1,2023-01-01", "b,2,2023-01-01")
    stored.put("visits/2023-02.parquet", "c,3,2023-02-01")
    stored.taken()
    assert len(stored.bronze("visits")) == 3
    stored.check_nothing_is_left_to_do()
    remove(s3, f"{stored.root.name}/visits/2023-02.parquet")
    stored.put("visits_2023-01.csv", "a,7,2023-01-01", "b,2,2023-01-01")
    stored.taken()
    assert stored.bronze("visits")["a", "2023-01-01"] == "7"
    assert len(stored.bronze("visits")) == 3
    stored.check_nothing_is_left_to_do()


def test_a_listing_of_more_than_a_page_is_read_to_its_end(stored: Stored) -> None:
    for i in range(1001):
        stored.put(f"visits/{i:04}.csv", f"c{i},1,2023-01-01")
    stored.taken()
    assert len(stored.bronze("visits")) == 1001
    assert len(stored.fates()) == 1001
    stored.check_nothing_is_left_to_do()


def test_a_prefix_without_objects_and_a_bucket_that_is_not_there_are_refused(
    stored: Stored,
) -> None:
    # Spark's word for the same store is what all messages use.
    assert url_of(stored.root.name).replace("s3://", "s3a://") in stored.refused()
    told = stored.call("run", "--json", "--data", "s3://no-such-bucket-here/x")
    assert told.code in (1, 2) and told.err.count("\n") == 1


@dataclass(frozen=True)
class ThroughProxy(Stored):
    """The same, where each command is a process of its own that asks the store through a proxy.

    In one process the program waits in a library that keeps Python from answering as the proxy.
    """

    proxy: str = ""

    def call(self, command: str, *arguments: str | Path) -> Told:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as other:
            return other.submit(called, self.root, self.proxy, command, *arguments).result()


def called(root: Path, proxy: str, command: str, *arguments: str | Path) -> Told:
    """Do a command in this process, with this proxy."""
    os.environ["AWS_ENDPOINT_URL"] = proxy
    return Stored(root, BANK).call(command, *arguments)


@pytest.fixture
def proxy(s3: Mapping[str, str]) -> Iterator[Faults]:
    with faults(s3["AWS_ENDPOINT_URL"]) as between:
        yield between


@pytest.fixture
def behind(stored: Stored, proxy: Faults) -> ThroughProxy:
    return ThroughProxy(stored.root, BANK, proxy=proxy.url)


@pytest.mark.parametrize("change", ["gone", "written again"])
def test_an_object_that_moves_between_listing_and_reading_is_refused_and_taken_next_time(
    behind: ThroughProxy, s3: Mapping[str, str], proxy: Faults, change: str
) -> None:
    """So does one of a listing that lags: it names what is gone, or what is there no longer in that form."""
    good, moving = "visits_2023-01.csv", "visits_2023-02.csv"
    behind.put(good, "a,1,2023-01-01")
    behind.put(moving, "c,3,2023-02-01")

    def move() -> None:
        if change == "gone":
            remove(s3, f"{behind.root.name}/{moving}")
        else:
            # With another size, as a store tells a time to the second only.
            behind.put(moving, "c,44,2023-02-01")

    moves = [move]

    def before(asked: str) -> None:
        if asked.split("?")[0].endswith(f"/{moving}") and moves:
            moves.pop()()

    proxy.before = before
    line = behind.refused()
    assert moving in line
    assert behind.bronze("visits") == {("a", "2023-01-01"): "1"}
    if change == "gone":
        behind.put(moving, "c,44,2023-02-01")
    behind.taken()
    assert behind.bronze("visits") == {("a", "2023-01-01"): "1", ("c", "2023-02-01"): "44"}
    behind.check_nothing_is_left_to_do()


def test_a_listing_that_does_not_show_a_new_object_yet_leaves_it_for_the_next_run(
    behind: ThroughProxy, proxy: Faults
) -> None:
    behind.put("visits_2023-01.csv", "a,1,2023-01-01")
    behind.taken()
    behind.put("visits_2023-02.csv", "c,3,2023-02-01")
    entry = re.compile(rb"<Contents>(?:(?!</Contents>).)*visits_2023-02.csv.*?</Contents>", re.S)
    proxy.seen = lambda body: entry.sub(b"", body)
    assert behind.taken()["published"] == []
    proxy.seen = lambda body: body
    behind.taken()
    assert len(behind.bronze("visits")) == 2


@pytest.mark.parametrize("engine", ["embedded", pytest.param("spark", marks=pytest.mark.spark)])
def test_the_shipped_data_split_by_month_in_a_store_gives_the_same_gold(
    s3: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    names = split_all(SOURCES, ROOT / "data", tmp_path / "sent", seed=3)
    bucket = Bucket(f"s3a://{BUCKET}/split-{engine}")
    for name in names:
        bucket.put(tmp_path / "sent" / name, name)
    of_whole = main_py("embedded", ROOT / "data", whole)
    of_parts = main_py(engine, url_of(f"split-{engine}"), parts)
    assert differing(tables(whole), tables(parts)) == {}
    assert total(of_parts) == total(of_whole)

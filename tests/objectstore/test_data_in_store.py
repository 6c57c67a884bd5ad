"""Raw files in a bucket are listed and read as those of a folder are."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from pathlib import Path

import pytest

from lakehouse.cli import main
from lakehouse.errors import BadInput
from lakehouse.landing.inbox import Inbox, Listing
from lakehouse.landing.raw_file import RawFile
from lakehouse.storage.bucket import Bucket
from lakehouse.storage.data_bucket import DataBucket, data_at
from lakehouse.storage.stamps import of_object
from lakehouse.table import Field, Source
from tests.objectstore.conftest import BUCKET, KEY, SECRET

FIELDS = (Field("id", "STRING", ""), Field("day", "STRING", ""))
LOANS = Source("loans", ("loans.csv",), FIELDS, ("id",), "id", "day", ())


@pytest.fixture
def bucket(s3: Mapping[str, str], request: pytest.FixtureRequest) -> Bucket:
    """A prefix that only this test has."""
    found = data_at(f"s3://{BUCKET}/data/{abs(hash(request.node.name))}")
    assert isinstance(found, Bucket)
    return found


def put(bucket: Bucket, tmp_path: Path, *names: str, content: str | None = None) -> None:
    file = tmp_path / "object"
    for name in names:
        file.write_text(name if content is None else content)
        bucket.put(file, name)


def listed(bucket: Bucket) -> tuple[Inbox, Listing]:
    inbox = Inbox(DataBucket(bucket), [LOANS])
    return inbox, inbox.listing(LOANS)


def test_objects_are_listed_as_files_are(bucket: Bucket, tmp_path: Path) -> None:
    taken = [
        "loans.csv",
        "loans/2024-07/a b\u00e9#?%41[1].parquet",
        "loans/month=2024-08/x.csv.gz",
        "loans_7.csv",
    ]
    others = ["loans.xlsx", "loans2/x.csv", "loans/_tmp/x.csv", "other/x.csv", "_loans.csv"]
    put(bucket, tmp_path, *taken, *others)
    inbox, listing = listed(bucket)
    assert [file.name for file in listing.files] == taken
    assert (listing.refused, listing.left_out) == ((), ("loans.xlsx", "loans2/"))
    assert [file.size for file in listing.files] == [len(name.encode()) for name in taken]
    assert [inbox.path(file).read_text() for file in listing.files] == taken
    assert inbox.path(listing.files[0]) == inbox.path(listing.files[0])


def test_a_listing_of_more_than_one_page_is_whole(bucket: Bucket, tmp_path: Path) -> None:
    file = tmp_path / "object"
    file.write_text("x")
    names = [f"loans/{number:04}.csv" for number in range(1001)]
    for first in range(0, len(names), 50):
        bucket.ask_each(lambda name: bucket.put(file, name), names[first : first + 50])
    assert [file.name for file in listed(bucket)[1].files] == names


def test_fetched_objects_are_removed_with_the_inbox(bucket: Bucket, tmp_path: Path) -> None:
    put(bucket, tmp_path, "loans.csv")
    inbox, listing = listed(bucket)
    path = inbox.path(listing.files[0])
    assert path.exists()
    del inbox
    gc.collect()
    assert not path.exists()


def test_an_object_that_is_another_one_when_it_is_read_is_refused(
    bucket: Bucket, tmp_path: Path
) -> None:
    put(bucket, tmp_path, "loans.csv", "loans_2.csv", "loans_3.csv")
    inbox, listing = listed(bucket)
    put(bucket, tmp_path, "loans.csv", content="longer than it was")
    bucket._handler().delete_file("loans_2.csv")
    older = RawFile("loans_3.csv", listing.files[2].size, of_object(1))
    for file in (*listing.files[:2], older):
        with pytest.raises(BadInput, match=rf"^{file.name} changed after it was listed; run again"):
            inbox.path(file)


def test_a_bucket_without_a_file_of_the_source_is_one_line(bucket: Bucket) -> None:
    told = str(listed(bucket)[0].none_of(LOANS))
    assert told == f"{bucket} holds no loans.csv; put the loans file there."


def test_a_missing_bucket_and_wrong_keys_are_told_as_of_data(
    s3: Mapping[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = ["plan", "--datamart", str(tmp_path / "datamart"), "--data"]
    assert main([*run, "s3://no-such-bucket-here/raw"]) == 2
    told = capsys.readouterr().err
    assert "there is no bucket no-such-bucket-here at http" in told and "another --data\n" in told
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "wrong")
    code, told = main([*run, f"s3://{BUCKET}/raw"]), capsys.readouterr().err
    # A server of tests may take any key.
    assert code == 2 or "refuses the credentials" in told
    assert KEY not in told and SECRET not in told

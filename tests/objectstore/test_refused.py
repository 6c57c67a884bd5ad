"""A store that cannot be used gives one line, soon, with an exit code and no secret."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lakehouse.errors import BadInput, LakehouseError
from lakehouse.storage.bucket import Bucket
from lakehouse.storage.folder import Folder
from lakehouse.storage.lease import Lease
from lakehouse.storage.place import place
from tests.objectstore.conftest import BUCKET, KEY, SECRET, Mart, environment, make_bucket, moto

SOON_SECONDS = 30
Told = Callable[..., tuple[int, str]]


@pytest.fixture
def told(raw: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    """Do a command on a datamart: exit code and the one line."""

    def call(datamart: str, command: str = "run") -> tuple[int, str]:
        begun = time.monotonic()
        ended = Mart(raw, datamart).call(capsys, command)
        assert time.monotonic() - begun < SOON_SECONDS
        assert ended.out == "" and ended.err.count("\n") == 1
        assert KEY not in ended.err and SECRET not in ended.err
        return ended.code, ended.err

    return call


def test_a_bucket_that_is_not_there_is_bad_input(s3: Mapping[str, str], told: Told) -> None:
    code, line = told("s3a://nobody/mart")
    assert code == 2 and f"there is no bucket nobody at {s3['AWS_ENDPOINT_URL']}" in line


def test_a_bucket_without_a_datamart_has_nothing_to_show(s3: Mapping[str, str], told: Told) -> None:
    code, line = told(f"s3a://{BUCKET}/nothing", "status")
    assert code == 2 and "has no tables yet" in line


def test_a_prefix_of_something_else_is_no_datamart(
    s3: Mapping[str, str],
    told,
    tmp_path: Path,  # type: ignore[no-untyped-def]
) -> None:
    (tmp_path / "photo").write_bytes(b"x")
    Bucket(f"s3a://{BUCKET}/photos").put(tmp_path / "photo", "holiday/photo.jpg")
    code, line = told(f"s3a://{BUCKET}/photos")
    assert code == 2 and "it is not a lakehouse datamart" in line


def test_a_server_that_does_not_answer_is_told_soon(
    told,
    monkeypatch: pytest.MonkeyPatch,  # type: ignore[no-untyped-def]
) -> None:
    for name, value in environment("http://127.0.0.1:1").items():
        monkeypatch.setenv(name, value)
    code, line = told(f"s3a://{BUCKET}/mart")
    assert code == 1 and "the object store at http://127.0.0.1:1 cannot be reached" in line


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that knows no key at all."""
    with moto(INITIAL_NO_AUTH_ACTION_COUNT="2") as url:
        make_bucket(url)
        for name, value in environment(url).items():
            monkeypatch.setenv(name, value)
        yield


def test_wrong_credentials_are_told_soon_and_not_shown(strict: None, told: Told) -> None:
    code, line = told(f"s3a://{BUCKET}/mart")
    assert code == 1 and "refuses the credentials" in line


@pytest.mark.parametrize(
    "uri",
    ["s3a://me:secret@bank/mart", "s3a://bank", "s3a://bank/", "s3a://bank/a b", "s3a://bank/a//b",
     "s3a://bank/a?b", "s3a:///mart", "s3a://B/mart"],
)  # fmt: skip
def test_a_uri_that_is_no_place_of_a_datamart_is_refused_and_not_shown(uri: str) -> None:
    with pytest.raises(BadInput, match="s3a://bucket/prefix") as refused:
        place(uri)
    assert "secret" not in str(refused.value)


def test_an_endpoint_with_a_secret_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://me:hidden@127.0.0.1:1")
    with pytest.raises(BadInput, match="AWS_ENDPOINT_URL") as refused:
        place("s3a://bank/mart")
    assert "hidden" not in str(refused.value)


def test_s3_is_s3a_and_a_folder_stays_a_folder(tmp_path: Path) -> None:
    assert place("s3://bank/a/mart/") == Bucket("s3a://bank/a/mart")
    assert place(str(tmp_path)) == place(tmp_path) == Folder(tmp_path)
    assert place(tmp_path).on_this_machine() == tmp_path
    with pytest.raises(BadInput, match="is in an object store"):
        Bucket("s3a://bank/mart").on_this_machine()


def test_a_wrong_secret_is_told_soon_and_not_shown(
    real: Mapping[str, str], told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f"{SECRET}4")
    code, line = told(f"s3a://{BUCKET}/mart")
    assert code == 1 and "refuses the credentials" in line


# The lease


def lease(name: str, who: str, seconds: float = 60) -> Lease:
    return Lease(f"s3a://{BUCKET}/leases/{name}", who, seconds)


def test_a_lease_is_taken_by_one_and_free_once_given_back(s3: Mapping[str, str]) -> None:
    one, other = lease("a", "one"), lease("a", "other")
    assert one.take() is None
    with one.kept():
        holder = other.take()
        assert holder is not None and str(holder).startswith("one; if that was killed, free from ")
    assert other.take() is None


def test_of_many_that_reach_for_a_lease_at_once_one_gets_it(s3: Mapping[str, str]) -> None:
    for tried in range(15):  # each time the first who comes makes the log of the lease
        leases = [lease(f"b{tried}", str(n)) for n in range(8)]
        with ThreadPoolExecutor(8) as pool:
            holders = list(pool.map(lambda each: each.take(), leases))
        assert holders.count(None) == 1


def test_a_lease_of_a_dead_process_is_free_after_its_time(s3: Mapping[str, str]) -> None:
    assert lease("c", "dead", seconds=1.0).take() is None
    assert lease("c", "next").take() is not None
    time.sleep(1.0)
    assert lease("c", "next").take() is None


def test_a_lease_is_renewed_while_its_holder_works(s3: Mapping[str, str]) -> None:
    one, other = lease("d", "one", seconds=1.5), lease("d", "other")
    assert one.take() is None
    with one.kept():
        time.sleep(3.0)
        assert other.take() is not None


def test_a_run_whose_lease_went_to_another_publishes_nothing_more(s3: Mapping[str, str]) -> None:
    root = Bucket(f"s3a://{BUCKET}/lost")
    with root.locked():
        root.check_held()
        # As while this machine slept: the lease has run out, and another has it.
        ran_out = Lease(f"{root}/_leases/lock", "another")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("lakehouse.storage.lease.time.time", lambda: time.monotonic() + 1e10)
            assert ran_out.take() is None
        with pytest.raises(LakehouseError, match="another run took datamart"):
            root.check_held()
    assert Lease(f"{root}/_leases/lock", "next").take() is not None


def test_a_run_beside_another_leaves_with_one_line_or_is_told_for_whom_it_waits(
    s3: Mapping[str, str],
) -> None:
    root = Bucket(f"s3a://{BUCKET}/beside")
    with (
        root.locked(),
        pytest.raises(LakehouseError, match=r"another run \(process \d+ on .* free"),
    ):
        root.locked().__enter__()
    with root.locked():
        root.check_held()

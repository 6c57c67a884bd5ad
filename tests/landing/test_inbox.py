"""The inbox lists each raw file of a source once, and tells of those that it does not take."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.errors import BadInput
from lakehouse.landing.file_names import day_in
from lakehouse.landing.inbox import Inbox, Listing
from lakehouse.patterns import is_like
from lakehouse.storage.bucket import Bucket
from lakehouse.storage.data_bucket import data_at
from lakehouse.storage.data_folder import DataFolder, Found
from lakehouse.table import RAW_SUFFIXES, Field, Source

FIELDS = (Field("id", "STRING", ""), Field("day", "STRING", ""))


def source(name: str, *file_names: str, **declared: Any) -> Source:
    return Source(
        name, file_names or (f"{name}.csv",), FIELDS, ("id",), "id", "day", (), **declared
    )


LOANS, LOANS_DAILY = source("loans"), source("loans_daily")
PEOPLE = source("people", "people.csv", "persons.csv")


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    def put_files(*names: str) -> Path:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        return tmp_path

    return put_files


def listed(data: Path, *sources: Source) -> list[Listing]:
    inbox = Inbox(DataFolder(data), sources)
    return [inbox.listing(each) for each in sources]


def names(listing: Listing) -> list[str]:
    return [file.name for file in listing.files]


def test_files_of_a_source_begin_with_its_name_or_lie_in_its_folder(
    put: Callable[..., Path],
) -> None:
    of_loans = [
        "loans.csv",
        "loans/2024-07/part-0.parquet",
        "loans/month=2024-08/a.csv.gz",
        "loans_2024-07.CSV",
        "loans_2024-08.csv.zst",
    ]
    data = put(
        *of_loans, "other.csv", ".loans.csv", "_loans.csv", "loans/_tmp/a.csv", "other/a.csv"
    )
    (listing,) = listed(data, LOANS)
    assert (names(listing), listing.refused, listing.left_out) == (of_loans, (), ())
    assert [file.size for file in listing.files] == [len(name) for name in of_loans]


@pytest.mark.parametrize("ending", RAW_SUFFIXES)
def test_a_plain_name_of_any_ending_takes_the_files_that_begin_as_it_does(
    put: Callable[..., Path], ending: str
) -> None:
    packed = replace(LOANS, file_names=(f"loans{ending}",))
    data = put(f"loans{ending}", "loans_2024-12.csv.gz", "loans/a.csv")
    (listing,) = listed(data, packed)
    assert sorted(names(listing)) == sorted(
        [f"loans{ending}", "loans_2024-12.csv.gz", "loans/a.csv"]
    )


def test_the_longest_name_wins_where_two_sources_begin_alike(put: Callable[..., Path]) -> None:
    data = put("loans_1.csv", "loans_daily_1.csv", "loans_daily/x.csv", "loans/loans_daily.csv")
    loans, daily = listed(data, LOANS, LOANS_DAILY)
    assert names(loans) == ["loans/loans_daily.csv", "loans_1.csv"]
    assert names(daily) == ["loans_daily/x.csv", "loans_daily_1.csv"]


def test_what_only_seems_to_be_of_a_source_is_left_out_and_told(put: Callable[..., Path]) -> None:
    data = put(
        "loans.csv",
        "loans.xlsx",
        "loans_2.csv.part",
        "LOANS_3.csv",
        "loans/notes.txt",
        "loans2/a.csv",
    )
    (listing,) = listed(data, LOANS)
    assert names(listing) == ["loans.csv"] and listing.refused == ()
    assert listing.left_out == (
        "LOANS_3.csv",
        "loans.xlsx",
        "loans/notes.txt",
        "loans2/",
        "loans_2.csv.part",
    )
    assert listing.told_left_out == (
        "5 names that may be of loans left out, as LOANS_3.csv: "
        "a file of it is called loans*.csv, .csv.gz, .csv.zst or .parquet, or lies in loans/"
    )


def test_a_raw_file_that_no_source_takes_is_told(put: Callable[..., Path]) -> None:
    data = put("loans.csv", "LOANS_3.csv", "branches.csv", "cards_1.parquet", "read.me", "a/b.csv")
    inbox = Inbox(DataFolder(data), (LOANS,))
    assert inbox.of_no_source == ("branches.csv", "cards_1.parquet")
    told = "2 raw files are of no source of this bank, as branches.csv; no table has their rows"
    assert inbox.told_of_no_source == told
    all_taken = Inbox(DataFolder(data), (LOANS, source("branches"), source("cards")))
    assert all_taken.of_no_source == () and all_taken.told_of_no_source is None


def test_a_source_declares_where_its_files_are(put: Callable[..., Path]) -> None:
    declared = source("loans", patterns=("in/**/loan?_*.txt", "top.csv"))
    taken = ["in/2024/07/loan1_a.txt", "in/loan2_b.TXT", "loans.csv", "top.csv"]
    data = put(*taken, "in/loan10_c.txt", "loans_1.csv", "elsewhere/loan1_a.txt")
    (listing,) = listed(data, declared)
    assert names(listing) == taken
    assert listing.left_out == ("loans_1.csv",)
    assert "declared as in/**/loan?_*.txt or top.csv" in str(listing.told_left_out)


def test_a_file_that_two_sources_declare_is_refused_for_both(put: Callable[..., Path]) -> None:
    sources = [source(name, patterns=("in/*.csv",)) for name in ("one", "two")]
    for listing in listed(put("in/a.csv"), *sources):
        assert names(listing) == []
        assert "declare patterns of which only one has it" in listing.refused[0].why


def test_a_name_with_deleted_in_it_is_a_tombstone_file(put: Callable[..., Path]) -> None:
    data = put("loans.csv", "loans_7.deleted.csv", "loans/x.DELETED.csv.gz", "loans_deleted.csv")
    (listing,) = listed(data, LOANS)
    deleting = [file.name for file in listing.files if file.deletes]
    assert deleting == ["loans/x.DELETED.csv.gz", "loans_7.deleted.csv"]
    (declared,) = listed(data, source("loans", deleted_names=("loans_del*.csv",)))
    assert [file.name for file in declared.files if file.deletes] == ["loans_deleted.csv"]


def test_two_plain_names_of_a_source_are_refused_together(put: Callable[..., Path]) -> None:
    data = put("people.csv", "persons.csv", "persons_2.csv")
    (listing,) = listed(data, PEOPLE)
    assert names(listing) == ["persons_2.csv"]
    both = f"{data} holds both people.csv and persons.csv: which is it? Remove one of them."
    assert [(each.name, each.why) for each in listing.refused] == [
        ("people.csv", both),
        ("persons.csv", both),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems hold only one of these names")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("loans_A.csv", "loans_a.csv"),
        ("loans_\u00e9.csv", "loans_e\u0301.csv"),
        ("loans/a/x.csv", "loans/A/x.csv"),
    ],
)
def test_names_that_are_one_elsewhere_are_both_refused(
    put: Callable[..., Path], one: str, other: str
) -> None:
    (listing,) = listed(put(one, other, "loans_b.csv"), LOANS)
    assert names(listing) == ["loans_b.csv"]
    assert sorted(each.name for each in listing.refused) == sorted([one, other])
    assert all(
        "differ only in case or in the form of a letter" in each.why for each in listing.refused
    )


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such name")
def test_a_name_that_cannot_be_shown_is_refused_and_shown_escaped(tmp_path: Path) -> None:
    for name in (b"loans_\xff.csv", b"loans_\n\x1b[2J.csv", "loans_\u202egpj.csv".encode()):
        (tmp_path / os.fsdecode(name)).write_text("x")
    (listing,) = listed(tmp_path, LOANS)
    assert listing.files == ()
    shown = ["loans_\\n\\x1b[2J.csv", "loans_\\u202egpj.csv", "loans_\\xff.csv"]
    assert [each.name for each in listing.refused] == shown
    assert all(
        each.why.startswith(each.name) and each.why.isprintable() for each in listing.refused
    )


@pytest.mark.parametrize(
    "name", ["loans ;$(x)'\".csv", "loans_\u00e4\u65e5\u672c\U0001f600.csv", "loans_%41#?.csv"]
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows takes no such name")
def test_an_odd_name_that_can_be_shown_is_taken(put: Callable[..., Path], name: str) -> None:
    inbox = Inbox(DataFolder(put(name)), [LOANS])
    (file,) = inbox.listing(LOANS).files
    assert file.name == name and inbox.path(file).read_text() == name


def test_a_folder_in_the_place_of_a_file_is_refused(put: Callable[..., Path]) -> None:
    (listing,) = listed(put("loans.parquet/part-0.parquet", "loans_2.csv"), LOANS)
    assert names(listing) == ["loans_2.csv"]
    assert listing.refused[0].why == (
        "loans.parquet is a folder, not a file; put the file in its place"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither")
def test_a_pipe_and_a_link_to_nowhere_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "loans_1.csv")
    (tmp_path / "loans_2.csv").symlink_to(tmp_path / "gone")
    (listing,) = listed(tmp_path, LOANS)
    assert [each.why.partition(";")[0] for each in listing.refused] == [
        "loans_1.csv is a pipe or device, not a file",
        f"{tmp_path / 'loans_2.csv'} cannot be read (No such file or directory)",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_linked_folder_is_walked_once_also_if_it_leads_back(
    put: Callable[..., Path], tmp_path: Path
) -> None:
    data = put("loans/a.csv", "elsewhere/b.csv")
    (data / "loans" / "more").symlink_to(data / "elsewhere")
    (data / "loans" / "back").symlink_to(data)
    (listing,) = listed(data, LOANS)
    assert names(listing) == ["loans/a.csv", "loans/more/b.csv"]


def closed(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    """Close folders, also to the user root."""
    scandir = os.scandir

    def scan(path: Path) -> Iterator[os.DirEntry[str]]:
        if Path(path) in folders:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)


@pytest.mark.parametrize("declared", [LOANS, source("loans", patterns=("loans/**/*.csv",))])
def test_a_closed_folder_is_refused_and_does_not_hide_the_others(
    put: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, declared: Source
) -> None:
    data = put("loans/1/a.csv", "loans/2/b.csv")
    closed(monkeypatch, data / "loans" / "1")
    (listing,) = listed(data, declared)
    assert names(listing) == ["loans/2/b.csv"]
    assert [(each.name, each.why) for each in listing.refused] == [
        (
            "loans/1",
            f"{data / 'loans' / '1'} cannot be listed (Permission denied); give this user the right to do so",
        )
    ]


def test_a_closed_folder_that_a_pattern_names_is_refused(
    put: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = put("in/a.csv")
    closed(monkeypatch, data / "in")
    (listing,) = listed(data, source("loans", patterns=("in/*.csv",)))
    assert [each.name for each in listing.refused] == ["in"]


def test_a_data_folder_that_cannot_be_listed_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInput, match=r"no data folder .*gone; name one that exists with --data"):
        listed(tmp_path / "gone", LOANS)
    closed(monkeypatch, tmp_path)
    with pytest.raises(BadInput, match=r"cannot be listed \(Permission denied\).* with --data$"):
        listed(tmp_path, LOANS)


def test_a_source_without_any_file_is_told_which_names_it_takes(put: Callable[..., Path]) -> None:
    data = put("people.xlsx")
    told = str(Inbox(DataFolder(data), [PEOPLE]).none_of(PEOPLE))
    assert told == (
        f"{data} holds no people.csv or persons.csv (people.xlsx is there: a file of it is called "
        "people*.csv, .csv.gz, .csv.zst or .parquet, or lies in people/); put the people file there."
    )


@pytest.mark.parametrize("happens", ["grows", "is replaced", "vanishes"])
def test_a_file_that_changes_after_it_was_listed_is_refused(
    put: Callable[..., Path], happens: str
) -> None:
    path = put("loans.csv") / "loans.csv"
    inbox = Inbox(DataFolder(path.parent), [LOANS])
    (file,) = inbox.listing(LOANS).files
    assert inbox.path(file) == path
    if happens == "grows":
        path.write_text("longer than before")
    else:
        path.unlink()
    if happens == "is replaced":
        # Also by one of the same size and time.
        path.write_text("loans.csv")
        os.utime(path, ns=(0, int(file.stamp.split("-")[1])))
    with pytest.raises(BadInput, match=r"^loans.csv changed after it was listed; run again once"):
        inbox.path(file)


def test_a_file_that_vanishes_while_it_is_listed_is_not_there(
    put: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = put("loans_1.csv", "loans_2.csv", "loans/3.csv")
    entries = list(os.scandir(data))
    (data / "loans_1.csv").unlink()
    (data / "loans" / "3.csv").unlink()
    (data / "loans").rmdir()

    class Scanned(list[os.DirEntry[str]]):
        def __enter__(self) -> Scanned:
            return self

        def __exit__(self, *_: object) -> None: ...

    scandir = os.scandir
    monkeypatch.setattr(
        os, "scandir", lambda path: Scanned(entries) if path == data else scandir(path)
    )
    (listing,) = listed(data, LOANS)
    assert (names(listing), listing.refused) == (["loans_2.csv"], ())


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("loans_2024-07-31.csv", "2024-07-31"),
        ("loans_20240731.csv", "2024-07-31"),
        ("loans_2024_07.parquet", "2024-07"),
        ("loans/month=2024-07/part-0.parquet", "2024-07"),
        ("loans/2024-07/loans_20240715.csv", "2024-07-15"),
        ("loans_2024-07-31_2024-08-02.csv", None),
        ("loans_2024-13-01.csv", None),
        ("loans_12024-07.csv", None),
        ("loans.csv", None),
    ],
)
def test_the_day_in_a_name(name: str, day: str | None) -> None:
    assert day_in(name) == day


def test_where_the_later_date_wins_a_name_without_one_is_refused(put: Callable[..., Path]) -> None:
    data = put("loans_2024-07.csv", "loans_july.csv")
    (listing,) = listed(data, source("loans", supersedes="date"))
    assert names(listing) == ["loans_2024-07.csv"]
    assert "no date in its name" in listing.refused[0].why


PARTS = st.text("ab.", min_size=1, max_size=3).filter(lambda part: part not in (".", ".."))
NAMES = st.lists(PARTS, min_size=1, max_size=3).map("/".join)


@given(NAMES, st.lists(st.sampled_from(["a", "**", "*", "?b", "*.b"]), min_size=1, max_size=3))
def test_a_pattern_means_what_it_means_folder_by_folder(name: str, pattern: list[str]) -> None:
    def fits(parts: list[str], pattern: list[str]) -> bool:
        if not parts or not pattern:
            return not parts and not pattern
        if pattern[0] == "**":
            if len(pattern) == 1:
                return True
            return any(fits(parts[i:], pattern[1:]) for i in range(len(parts)))
        return one(parts[0], pattern[0]) and fits(parts[1:], pattern[1:])

    def one(part: str, pattern: str) -> bool:
        return {
            "a": part == "a",
            "*": True,
            "?b": len(part) == 2 and part[1] == "b",
            "*.b": part.endswith(".b"),
        }[pattern]

    assert is_like(name, ("/".join(pattern),)) is fits(name.split("/"), pattern)


@dataclass(frozen=True)
class Held:
    """A data folder with files of these names."""

    names: list[str]

    def found(self, walks: Callable[[str], bool]) -> list[Found]:
        return [Found(name, 1, "1-1-1") for name in self.names]

    def on_this_machine(self, name: str, size: int, stamp: str) -> Path:
        raise NotImplementedError


@given(st.lists(NAMES.map("{}.csv".format), max_size=8, unique=True))
def test_each_name_is_taken_or_refused_at_most_once(given_names: list[str]) -> None:
    sources = [source("a"), source("ab"), source("b", "b.csv", "aba.csv")]
    listings = [Inbox(Held(given_names), sources).listing(each) for each in sources]
    told = [name for each in listings for name in (*names(each), *(r.name for r in each.refused))]
    assert len(told) == len(set(told)) and {*told} <= {*given_names}


@pytest.mark.parametrize("uri", ["s3://bank", "s3a://bank/raw/month=2024-07/", "az://bank/raw"])
def test_a_bucket_can_hold_raw_files(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakehouse.storage.bucket.prepare_environment", lambda: None)
    place = data_at(uri)
    assert isinstance(place, Bucket) and place.option == "--data"
    assert str(place) == uri.replace("s3://", "s3a://").rstrip("/")


@pytest.mark.parametrize("uri", ["s3://Bank/raw", "s3://key:secret@bank/raw", "s3://bank/a b"])
def test_a_uri_that_cannot_hold_raw_files_is_refused_and_not_shown(uri: str) -> None:
    with pytest.raises(BadInput, match=r"^a data folder in an object store is s3a") as refused:
        data_at(uri)
    assert "secret" not in str(refused.value)


def test_a_path_is_a_folder() -> None:
    assert data_at("data") == data_at(Path("data")) == Path("data")

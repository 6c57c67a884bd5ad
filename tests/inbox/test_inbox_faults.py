"""A file that is wrong gets a clear line; nothing is lost or taken twice, and it is taken once mended."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from lakehouse.landing import raw_text
from lakehouse.months import shift
from lakehouse.storage.files import steady
from tests.inbox import files
from tests.inbox.inbox import Inbox
from tests.inbox.small_bank import VISITS, bank_of

pytestmark = [pytest.mark.slow, pytest.mark.each]

BANK = bank_of(VISITS)
ONE, TWO, THREE = "a,1,2023-01-01", "b,2,2023-01-01", "c,3,2023-02-01"
GOOD, ODD = "visits_2023-01.csv", "visits_2023-02.csv"
HELD = {("a", "2023-01-01"): "1", ("b", "2023-01-01"): "2"}
ALL = {**HELD, ("c", "2023-02-01"): "3"}


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    """A good file of two rows, that nothing has read yet."""
    inbox = Inbox(tmp_path, BANK)
    inbox.put(GOOD, ONE, TWO)
    return inbox


def refused(inbox: Inbox, *words: str, name: str = ODD) -> str:
    """The line that refuses one file, while the good one is taken and nothing is published."""
    line = inbox.refused()
    for word in (name, "--publish-good", *words):
        assert word in line, line
    assert inbox.bronze("visits") == HELD
    assert inbox.releases == []
    assert name not in inbox.deliveries()
    return line


def mended(inbox: Inbox, name: str = ODD) -> None:
    """Once the file is a good one, the run takes it and publishes."""
    inbox.put(name, THREE)
    assert inbox.taken()["published"] == [1]
    assert inbox.bronze("visits") == ALL
    assert inbox.fates() == {GOOD: (2, 2, 0, 0, 0), name: (1, 1, 0, 0, 0)}
    inbox.check_nothing_is_left_to_do()


def has_no_table(inbox: Inbox) -> bool:
    return {*inbox.versions.values()} == {None}


# A file that moves under the reader


@contextmanager
def while_read(before: Callable[[Path], None], after: Callable[[Path], None]) -> Iterator[None]:
    """Do something to the odd file right before it is opened to be landed, and right after."""

    @contextmanager
    def disturbed(path: Path, name: str | None = None) -> Iterator[BinaryIO]:
        is_odd = path.name == ODD
        if is_odd:
            before(path)
        with steady(path, name) as file:
            if is_odd:
                after(path)
            yield file

    with patch.object(raw_text, "steady", disturbed):
        yield


def nothing(path: Path) -> None:
    pass


def grows(path: Path) -> None:
    with path.open("ab") as more:
        more.write(b"d,4,2023-02-01\n")


def test_a_file_that_is_still_being_written_is_refused_and_taken_when_it_is_whole(
    inbox: Inbox,
) -> None:
    inbox.put(ODD, THREE)
    with while_read(nothing, grows):
        refused(inbox, "changed while it was read")
    mended(inbox)


@pytest.mark.parametrize("moment", ["before it is opened", "while it is read"])
def test_a_file_that_vanishes_after_it_was_listed_is_named_and_taken_when_it_is_back(
    inbox: Inbox, moment: str
) -> None:
    inbox.put(ODD, THREE)
    acts = (Path.unlink, nothing) if moment.startswith("before") else (nothing, Path.unlink)
    with while_read(*acts):
        refused(inbox)
    mended(inbox)


# Names


@pytest.mark.parametrize(
    "name",
    [
        "visits_ä ö ü.csv",
        "visits_'; DROP TABLE x; --.csv",
        'visits_"quoted", 100%.csv',
        "visits_%2F%20+?&#.csv",
        "visits_{a}[b]*.csv",
        "visits_\U0001f600.csv",
        "visits/month=2023-02/a b/c.CSV",
        "visits/2023-02/visits.csv",
        "visits.2023.02.csv",
        "visits__HIVE_DEFAULT_PARTITION__.csv",
        "visits_-rf.csv",
        "visits_\\u000a.csv",
    ],
)
def test_a_file_of_an_odd_name_is_taken_under_that_name(inbox: Inbox, name: str) -> None:
    inbox.put(name, THREE)
    inbox.taken()
    assert inbox.bronze("visits") == ALL
    assert inbox.fates() == {GOOD: (2, 2, 0, 0, 0), name: (1, 1, 0, 0, 0)}
    inbox.check_nothing_is_left_to_do()


@pytest.mark.parametrize(
    "name", [b"visits_a\nb.csv", b"visits_\x1b[31m.csv", b"visits_\xff\xfe.csv"]
)
def test_a_name_that_cannot_be_shown_is_refused_and_shown_escaped(
    inbox: Inbox, name: bytes
) -> None:
    path = os.fsencode(inbox.data) + b"/" + name
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(files.csv_bytes(VISITS.header, [THREE]))
    line = inbox.refused()
    assert line.isprintable() or line[:-1].isprintable(), ascii(line)
    assert "\\" in line and inbox.bronze("visits") == HELD
    os.unlink(path)  # noqa: PTH108
    mended(inbox)


@pytest.mark.parametrize(
    "twins",
    [
        ("visits_a.csv", "visits_A.csv"),
        ("visits_\u00e4.csv", "visits_a\u0308.csv"),
        ("visits/a.csv", "visits/A.csv"),
    ],
)
def test_of_two_names_that_a_disk_may_take_for_one_both_are_refused(
    inbox: Inbox, twins: tuple[str, str]
) -> None:
    for name in twins:
        inbox.put(name, THREE)
    if len([*inbox.data.rglob("*.csv")]) < 3:
        pytest.skip("this disk takes the two names for one")
    line = inbox.refused()
    assert any(name in line for name in twins) and "rename" in line
    assert inbox.bronze("visits") == HELD
    (inbox.data / twins[1]).unlink()
    mended(inbox, twins[0])


def test_files_that_are_no_raw_files_are_told_and_left_out(inbox: Inbox) -> None:
    for name in ("visits_2.xlsx", "visits_3.csv.part", "visits/old.zip"):
        path = inbox.data / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"what is this")
    for name in (
        ".visits_4.csv",
        "_visits_5.csv",
        "visits/.hidden.csv",
        "visits/_SUCCESS",
        "b.csv",
    ):
        (inbox.data / name).write_bytes(b"nobody looks at it")
    report = inbox.taken()
    told = [note for note in report["notes"] if "left out" in note]
    assert len(told) == 1 and "3" in told[0], report["notes"]
    assert inbox.bronze("visits") == HELD


# Content


def cut_off(path: Path, share: float = 0.8) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


@pytest.mark.parametrize("name", ["visits_2.csv.gz", "visits_2.csv.zst", "visits_2.parquet"])
def test_a_packed_file_that_is_cut_off_is_refused(inbox: Inbox, name: str) -> None:
    rows = [f"c{i},{i},2023-02-01" for i in range(2000)]
    cut_off(inbox.put(name, *rows))
    refused(inbox, name=name)
    mended(inbox, name)


@pytest.mark.parametrize("name", ["visits_2.csv.gz", "visits_2.csv.zst", "visits_2.parquet"])
def test_a_file_is_read_as_what_it_is_whatever_its_name_says(inbox: Inbox, name: str) -> None:
    (inbox.data / name).write_bytes(os.urandom(2000))
    refused(inbox, name=name)
    (inbox.data / name).write_bytes(files.csv_bytes(VISITS.header, [THREE]))
    inbox.taken()
    assert inbox.bronze("visits") == ALL
    inbox.check_nothing_is_left_to_do()


def test_a_packed_file_of_two_parts_is_read_to_its_end(inbox: Inbox) -> None:
    whole = files.csv_bytes(VISITS.header, [THREE])
    parts = gzip.compress(whole[:20]) + gzip.compress(whole[20:])
    (inbox.data / "visits_2.csv.gz").write_bytes(parts)
    inbox.taken()
    assert inbox.bronze("visits") == ALL


@pytest.mark.parametrize(
    ("amounts", "days"),
    [
        (pa.array([3], pa.int64()), pa.array(["2023-02-01"])),
        (pa.array([3], pa.int8()), pa.array(["2023-02-01"]).cast(pa.date32())),
        (pa.array(["3"]).dictionary_encode(), pa.array(["2023-02-01"]).cast(pa.timestamp("us"))),
        (pa.array([3.0], pa.float64()), pa.array(["2023-02-01"], pa.large_string())),
        (pa.array(["3"]).cast(pa.decimal128(10, 0)), pa.array(["2023-02-01"])),
    ],
)
def test_a_parquet_file_of_other_types_means_what_its_text_would(
    inbox: Inbox, amounts: pa.Array, days: pa.Array
) -> None:
    table = pa.table({"customer": ["c"], "amount": amounts, "day": days})
    pq.write_table(table, inbox.data / "visits_2.parquet")
    inbox.taken()
    held = inbox.bronze("visits")
    assert held.keys() == ALL.keys() and float(held["c", "2023-02-01"]) == 3
    assert inbox.gold("visits")["c", "2023-02-01"] == 3


@pytest.mark.parametrize(
    ("columns", "word"),
    [
        ({"amount": ["3"], "day": ["2023-02-01"]}, "customer"),
        ({"customer": ["c"], "amount": [["3"]], "day": ["2023-02-01"]}, "amount"),
        ({"customer": ["c"], "amount": [{"x": 3}], "day": ["2023-02-01"]}, "amount"),
    ],
    ids=["no key", "a list", "a struct"],
)
def test_a_parquet_file_without_the_key_or_with_nested_cells_is_refused(
    inbox: Inbox, columns: dict[str, Any], word: str
) -> None:
    name = "visits_2.parquet"
    pq.write_table(pa.table(columns), inbox.data / name)
    refused(inbox, word, name=name)
    mended(inbox, name)


@pytest.mark.parametrize("mark", [";", "\t", "|"], ids=["semicolon", "tab", "pipe"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_another_delimiter_or_encoding_that_is_certain_is_read(
    inbox: Inbox, mark: str, encoding: str
) -> None:
    text = f"customer,amount,day\n{THREE}\n".replace(",", mark)
    (inbox.data / ODD).write_bytes(text.encode(encoding))
    inbox.taken()
    assert inbox.bronze("visits") == ALL


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", ODD),
        (b"customer,amount,day\n", ODD),
        (b"customer;amount;day\nc;3,5;2023-02-01\n", "amount is not a number"),
        (b"customer:amount:day\nc:3:2023-02-01\n", "delimiter"),
        ("customer,amount,day\nJos\xe9,3,2023-02-01\n".encode("latin-1"), "encoding"),
        (b"loan_id,balance\n1,2\n", "customer"),
        ("customer,amount,day\nc,3,2023-02-01\n".encode("utf-16-le"), "encoding"),
    ],
    ids=["empty", "header only", "decimal comma", "colons", "latin-1", "other source", "no mark"],
)
def test_what_is_not_certain_is_refused_with_the_line_that_would_declare_it(
    inbox: Inbox, content: bytes, word: str
) -> None:
    (inbox.data / ODD).write_bytes(content)
    refused(inbox, word)
    mended(inbox)


def test_a_file_of_a_longer_source_name_belongs_to_that_source(tmp_path: Path) -> None:
    longer = replace(VISITS, name="visits_home", file_names=("visits_home.csv",))
    inbox = Inbox(tmp_path, bank_of(VISITS, longer))
    inbox.put("visits_1.csv", ONE)
    inbox.put("visits_home_1.csv", TWO)
    inbox.put("visits_home/1.csv", THREE)
    inbox.taken()
    assert inbox.bronze("visits") == {("a", "2023-01-01"): "1"}
    assert inbox.bronze("visits_home").keys() == {("b", "2023-01-01"), ("c", "2023-02-01")}


# Many


def test_the_same_file_under_two_names_counts_once(inbox: Inbox) -> None:
    inbox.put(ODD, ONE, TWO)
    inbox.taken()
    assert inbox.bronze("visits") == HELD
    assert sum(fates[1] for fates in inbox.fates().values()) == 2
    assert sum(fates[3] for fates in inbox.fates().values()) == 2
    inbox.check_nothing_is_left_to_do()


def test_a_file_with_rows_of_24_months_and_then_a_file_per_month(inbox: Inbox) -> None:
    months = [shift("2023-01", by) for by in range(24)]
    rows = [f"a,{i},{month}-01" for i, month in enumerate(months, 1)]
    inbox.put(GOOD, *rows)
    inbox.taken()
    assert len(inbox.bronze("visits")) == 24
    for row, month in zip(rows, months, strict=True):
        inbox.put(f"visits/{month}.csv", row.replace(",24,", ",99,"))
    report = inbox.taken()
    assert len(report["published"]) == 1
    assert inbox.bronze("visits")["a", "2024-12-01"] == "24", "visits/ comes before visits_"
    assert inbox.superseded() == [("visits/2024-12.csv", 2)]
    inbox.check_nothing_is_left_to_do()


def test_by_month_many_files_make_one_release_per_month(inbox: Inbox) -> None:
    inbox.put(ODD, THREE)
    inbox.put("visits_2023-03.csv", "a,1,2023-03-01", "b,9,2023-01-01")
    report = inbox.taken("--by-month")
    assert [release.months for release in inbox.releases] == [["2023-01"], ["2023-02"], ["2023-03"]]
    assert len(report["published"]) == 3
    assert inbox.bronze("visits")["b", "2023-01-01"] == "9"
    inbox.check_nothing_is_left_to_do()


def test_months_of_a_scope_are_taken_from_every_file_and_the_others_later(inbox: Inbox) -> None:
    inbox.put(ODD, THREE, "b,9,2023-01-01")
    inbox.put("visits_2023-03.deleted.csv", ONE, THREE)
    inbox.taken("--through", "2023-01")
    assert inbox.bronze("visits") == {("b", "2023-01-01"): "9"}
    inbox.put("visits_2023-04.csv", "c,4,2023-02-01", "a,4,2023-03-01")
    inbox.taken("--month", "2023-02")
    assert inbox.bronze("visits") == {("b", "2023-01-01"): "9", ("c", "2023-02-01"): "4"}
    inbox.taken()
    assert inbox.bronze("visits").keys() == {
        ("b", "2023-01-01"), ("c", "2023-02-01"), ("a", "2023-03-01")
    }  # fmt: skip
    assert inbox.superseded() == [(GOOD, 2), (GOOD, 3), (ODD, 2), ("visits_2023-03.deleted.csv", 3)]
    inbox.check_nothing_is_left_to_do()


def test_a_file_that_is_written_again_at_once_is_seen_though_its_size_and_time_stay(
    inbox: Inbox,
) -> None:
    inbox.taken()
    before = (inbox.data / GOOD).stat()
    with (inbox.data / GOOD).open("r+b") as file:
        file.write(files.csv_bytes(VISITS.header, [ONE, TWO]).replace(b"a,1", b"a,7"))
    os.utime(inbox.data / GOOD, ns=(before.st_atime_ns, before.st_mtime_ns))
    inbox.taken()
    assert inbox.bronze("visits") == {("a", "2023-01-01"): "7", ("b", "2023-01-01"): "2"}


@pytest.mark.slow
def test_a_thousand_new_files_at_once_are_taken_once_each(inbox: Inbox) -> None:
    names = [f"visits/{i:04}.csv" for i in range(1000)]
    for i, name in enumerate(names):
        inbox.put(name, f"c{i},{i},2023-0{i % 9 + 1}-01", "z,1,2023-01-01")
    inbox.taken()
    assert len(inbox.bronze("visits")) == 1003
    fates = inbox.fates()
    assert fates.keys() == {GOOD, *names}
    assert sum(each[3] for each in fates.values()) == 999
    inbox.check_nothing_is_left_to_do()


def test_an_order_of_dates_that_no_file_proves_is_asked_for_once(inbox: Inbox) -> None:
    names = [f"visits_2023-0{i}.csv" for i in (2, 3, 4)]
    for i, name in enumerate(names):
        inbox.put(name, f"c,{i},0{i + 2}/05/2023")
    line = inbox.refused()
    assert names[0] in line and "--date-order" in line and "3 of 4 files" in line, line
    inbox.taken("--date-order", "dmy")
    held = inbox.bronze("visits")
    assert {day for customer, day in held if customer == "c"} == {
        "2023-05-02",
        "2023-05-03",
        "2023-05-04",
    }
    inbox.check_nothing_is_left_to_do()
    inbox.put("visits_2023-05.csv", "d,1,2023-05-01")
    inbox.taken()
    assert inbox.bronze("visits").keys() == {*held, ("d", "2023-05-01")}


# Folders


def test_a_folder_that_cannot_be_listed_is_refused(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.put("visits/2023/02.csv", THREE)
    real = os.scandir

    def scandir(path: Any = ".") -> Any:
        if not isinstance(path, int) and "2023" in Path(os.fsdecode(path)).parts:
            raise PermissionError(13, "Permission denied", os.fsdecode(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    line = inbox.refused()
    assert "visits/2023" in line and inbox.releases == []
    monkeypatch.undo()
    inbox.taken()
    assert inbox.bronze("visits") == ALL


def test_a_folder_without_any_file_is_refused_and_an_archived_source_is_told(inbox: Inbox) -> None:
    inbox.taken()
    (inbox.data / GOOD).unlink()
    before = inbox.versions
    inbox.refused()
    assert inbox.versions == before
    (inbox.data).rmdir()
    inbox.refused()
    assert inbox.versions == before


# Refused, and the choices


def wrong(inbox: Inbox, name: str = ODD) -> None:
    files.write(inbox.data / name, ("what", "is", "this"), [THREE])


def test_by_default_good_files_are_taken_and_nothing_is_published_until_the_file_is_mended(
    inbox: Inbox,
) -> None:
    wrong(inbox)
    refused(inbox)
    before = inbox.versions
    refused(inbox)
    assert inbox.versions == before
    mended(inbox)


def test_strict_refuses_the_run_and_nothing_changes(inbox: Inbox) -> None:
    wrong(inbox)
    assert ODD in inbox.refused("--strict")
    assert has_no_table(inbox)
    mended(inbox)


def test_publish_good_publishes_what_is_whole(inbox: Inbox) -> None:
    wrong(inbox)
    told = inbox.run("--publish-good")
    assert told.code == 2 and ODD in told.err and told.err.count("\n") == 1
    assert [release.number for release in inbox.releases] == [1]
    assert inbox.bronze("visits") == HELD
    before = inbox.versions
    assert inbox.run("--publish-good").code == 2 and inbox.versions == before
    inbox.put(ODD, THREE)
    assert inbox.taken()["published"] == [2]
    assert inbox.bronze("visits") == ALL


def test_what_a_refused_file_held_back_is_published_when_the_file_is_gone(inbox: Inbox) -> None:
    wrong(inbox)
    refused(inbox)
    (inbox.data / ODD).unlink()
    assert inbox.taken()["published"] == [1]
    inbox.check_nothing_is_left_to_do()


def test_a_first_run_with_no_good_file_changes_nothing(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, BANK)
    wrong(inbox)
    assert ODD in inbox.refused()
    assert has_no_table(inbox)


# Lost and set back


@pytest.fixture
def superseding(inbox: Inbox) -> Inbox:
    """Three files taken in three runs: a row is superseded, a key deleted, and one file archived."""
    inbox.taken()
    inbox.put(ODD, "a,7,2023-01-01", THREE)
    inbox.taken()
    inbox.put("visits_2023-03.deleted.csv", TWO)
    inbox.taken()
    (inbox.data / GOOD).unlink()
    assert inbox.bronze("visits") == {("a", "2023-01-01"): "7", ("c", "2023-02-01"): "3"}
    return inbox


def test_a_bronze_table_that_was_set_back_is_made_whole(superseding: Inbox) -> None:
    before, fates = superseding.everything(), superseding.fates()
    table = superseding.log.open_to_write(BANK.table("bronze.visits"))
    DeltaTable(table.table_uri).restore(1)
    superseding.taken()
    assert superseding.everything() == before
    assert superseding.fates() == fates
    superseding.check_nothing_is_left_to_do()


def test_a_lost_ledger_of_deliveries_is_made_again(superseding: Inbox) -> None:
    before, fates = superseding.everything(), superseding.fates()
    shutil.rmtree(superseding.datamart / "ledger" / "deliveries")
    told = superseding.run()
    assert told.code == 0, told.err
    assert superseding.everything() == before
    assert superseding.fates() == fates
    superseding.check_nothing_is_left_to_do()


def held_words(datamart: Path) -> str:
    """Everything that any Parquet or JSON file of a datamart holds."""
    found = [str(pq.read_table(each).to_pylist()) for each in datamart.rglob("*.parquet")]
    found += [each.read_text(errors="replace") for each in datamart.rglob("*.json")]
    return "\n".join(found)


@pytest.mark.parametrize("customer", ["person_superseded", "person_deleted", "person_archived"])
def test_a_person_is_erased_whatever_became_of_the_rows(inbox: Inbox, customer: str) -> None:
    persons = ("person_superseded", "person_deleted", "person_archived")
    inbox.put(GOOD, ONE, *(f"{each},1,2023-01-01" for each in persons))
    inbox.put(ODD, "person_superseded,7,2023-01-01", "person_superseded,many,2023-02-01", THREE, TWO,
              "a,1,2023-04-01", "a,1,2023-05-01", "a,1,2023-06-01")  # fmt: skip
    inbox.put("visits_2023-03.deleted.csv", "person_deleted,1,2023-01-01")
    inbox.taken()
    (inbox.data / GOOD).unlink()
    (inbox.data / "visits_2023-03.deleted.csv").unlink()
    inbox.put(ODD, THREE, TWO, "a,1,2023-04-01", "a,1,2023-05-01", "a,1,2023-06-01")
    inbox.taken("--allow-shrink")
    assert customer in held_words(inbox.datamart)
    told = inbox.call("erase", "--yes", "--customer", customer)
    assert told.code == 0, told.err
    assert customer not in held_words(inbox.datamart)
    others = {each for each in persons if each != customer}
    assert all(each in held_words(inbox.datamart) for each in others)
    inbox.taken()
    assert customer not in held_words(inbox.datamart)
    for row in inbox.deliveries().values():
        assert row["rows_in"] == sum(
            row[fate] for fate in ("accepted", "quarantined", "equal_duplicates", "superseded")
        )
    inbox.check_nothing_is_left_to_do()


def test_vacuum_keeps_what_runs_need(superseding: Inbox) -> None:
    before, fates = superseding.everything(), superseding.fates()
    told = superseding.call("vacuum", "--yes", "--keep-releases", "1")
    assert told.code == 0, told.err
    superseding.check_nothing_is_left_to_do()
    (superseding.data / "visits_2023-03.deleted.csv").unlink()
    superseding.put("visits_2023-03.deleted.csv", "c,3,2023-02-01")
    superseding.taken()
    assert superseding.bronze("visits") == {
        ("a", "2023-01-01"): "7",
        ("b", "2023-01-01"): "2",
    }, "the row of an archived file comes back when its deletion is withdrawn"
    assert before and fates


def test_a_backup_holds_the_deliveries_and_goes_on_after_a_restore(
    superseding: Inbox, tmp_path: Path
) -> None:
    before, fates, told = superseding.everything(), superseding.fates(), superseding.superseded()
    kept = tmp_path / "kept"
    saved = superseding.call("backup", "--to", str(kept))
    assert saved.code == 0, saved.err
    shutil.rmtree(superseding.datamart)
    restored = superseding.call("restore", "--from", str(kept))
    assert restored.code == 0, restored.err
    assert (superseding.everything(), superseding.fates()) == (before, fates)
    assert superseding.superseded() == told
    superseding.check_nothing_is_left_to_do()

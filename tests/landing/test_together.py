"""Landing the files of one source together."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.days import DateOrder
from lakehouse.errors import BadInput
from lakehouse.landing.counts import Arrival, Counts, Landed, Reading
from lakehouse.landing.land import land_files
from lakehouse.landing.raw_file import RawFile
from lakehouse.table import Field, Source

PEOPLE = Source(
    name="people",
    file_names=("people.csv",),
    columns=tuple(Field(n, "STRING", "") for n in ("id", "amt", "snapshot_date")),
    keys=("id", "snapshot_date"),
    entity="id",
    date="snapshot_date",
    required=(("id", "text"), ("amt", "number"), ("snapshot_date", "date")),
)
DELETING = replace(PEOPLE, deleted_column="gone")
HEADER = ",".join(PEOPLE.header)


def arrival(folder: Path, name: str, content: str | bytes) -> Arrival:
    """A file of that name; its text has bars for line ends, and the usual header if it names no other."""
    if isinstance(content, str):
        lines = content if content.startswith(("id", "snapshot")) else f"{HEADER}|{content}"
        content = lines.replace("|", "\n").encode() + b"\n"
    path = folder / f"copy-of-{name}"
    path.write_bytes(content)
    file = RawFile(f"people/{name}.csv", len(content), "1-1-1", "deleted" in name)
    return Arrival(file, path)


def landed(
    folder: Path,
    files: dict[str, str | bytes],
    source: Source = PEOPLE,
    max_bad: float = 0.2,
    proved: dict[str, DateOrder] | None = None,
) -> Landed:
    arrivals = [arrival(folder, *each) for each in files.items()]
    return land_files(source, arrivals, folder / "into", max_bad, proved)


def rows(path: Path | None) -> list[tuple[str, ...]]:
    """The key cell, amount and file of each row."""
    found = pq.read_table(path).to_pylist() if path else []
    return sorted((row["id"], row.get("amt"), row["_source_file"][7:-4]) for row in found)


def reasons(found: Landed) -> list[str]:
    table = pq.read_table(found.quarantined).to_pylist()
    return sorted(why for row in table for why in row["reasons"])


def orders(found: Landed) -> dict[str, str]:
    return {
        file.name[7:-4]: f"{file.date_order.order}: {file.date_order.proof}"
        for file in found.files
        if file.date_order
    }


# The latest file


def test_the_latest_file_wins_a_key_and_the_other_rows_are_kept_apart(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "jan": "a,1,2024-01-31|b,1,2024-01-31",
        "feb": "a,2,2024-01-31",
        "mar": "c,3,2024-03-31",
    }
    found = landed(tmp_path, files)
    assert rows(found.accepted) == [("a", "1", "jan"), ("b", "1", "jan"), ("c", "3", "mar")]
    assert rows(found.others) == [("a", "2", "feb")]
    assert found.counts == {"2024-01": Counts(3, 3), "2024-03": Counts(1, 1)}
    assert found.file_name == "3 files (people/feb.csv to people/mar.csv)"


def test_the_later_file_is_known_as_it_is_declared(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"z_2024-01": "a,1,2024-01-31", "a_2024-02": "a,2,2024-01-31"}
    for supersedes, amount in (("name", "1"), ("date", "2"), ("arrival", "2")):
        source = replace(PEOPLE, supersedes=supersedes)  # type: ignore[arg-type]
        arrivals = [arrival(tmp_path, *each) for each in files.items()]
        arrivals[1] = replace(arrivals[1], arrived=1)
        (found,) = rows(land_files(source, arrivals, tmp_path / "into").accepted)
        assert found[1] == amount


def test_what_repeats_within_a_file_is_settled_there(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "1": "a,1,2024-01-31|a,2,2024-01-31|b,1,2024-01-31|b,1.0,2024-01-31",
        "2": "a,3,2024-01-31|b,2,2024-01-31",
    }
    found = landed(tmp_path, files, max_bad=1)
    assert rows(found.accepted) == [("a", "3", "2"), ("b", "2", "2")]
    assert rows(found.others) == [("b", "1", "1")]
    assert found.files[0].counts == {"2024-01": Counts(4, 1, 2, 1)}
    assert sorted(pq.read_table(found.quarantined)["_source_row"].to_pylist()) == [2, 3]


def test_a_refused_file_leaves_the_others_alone(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a": "a,1,2024-01-31",
        "b": "a,x,2024-01-31|a,2,2024-01-31",
        "c": b"id;amt\n",
        "d": b"\xff" * 9,
        "e": "a,1,2024-01-31|b,3",
    }
    found = landed(tmp_path, {**files, "e": f"{HEADER}\na,9,2024-01-31\nb,3".encode()})
    assert rows(found.accepted) == [("a", "1", "a")] and found.others is None
    assert pq.read_table(found.quarantined).num_rows == 0
    assert [each.name for each in found.files] == ["people/a.csv"]
    assert [each.name[7:-4] for each in found.refused] == ["b", "c", "d", "e"]
    words = ["1 of 2 rows are bad", "no column", "not UTF-8", "breaks off"]
    assert all(word in each.why for word, each in zip(words, found.refused, strict=True))
    assert all(each.why.startswith(each.name) for each in found.refused)


def test_if_every_file_is_refused_nothing_is_there(tmp_path: Path) -> None:
    found = landed(tmp_path, {"a": b"x\n", "b": b""})
    assert (len(found.refused), found.files, rows(found.accepted)) == (2, (), [])
    found = landed(tmp_path, {"a": "a,x,2024-01-31", "b": "a,x,2024-01-31"})
    assert (len(found.refused), found.files, rows(found.accepted)) == (2, (), [])
    found = landed(tmp_path, {"a": "a,1,1/2/2024", "b": "a,1,1/13/2024|a,1,13/1/2024"})
    assert (len(found.refused), found.files, rows(found.accepted)) == (2, (), [])
    with pytest.raises(BadInput, match="no column"):
        landed(tmp_path, {"a": b"x\n1\n"})


# Forms


def test_files_of_several_forms_land_as_one(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a": "a,1,2024-01-31",
        "b": b"snapshot_date;new;id;amt\n2024-01-31;x;b;2\n",
        "c": gzip.compress(f"{HEADER}\nc,3,2024-01-31\n".encode()),
        "d": "id,amt,snapshot_date,new,other|d,4,2024-01-31,y,",
    }
    found = landed(tmp_path, files)
    assert rows(found.accepted) == [(n, str(i), n) for i, n in enumerate("abcd", start=1)]
    assert [file.extra_columns for file in found.files] == [(), ("new",), (), ("new", "other")]
    table = pq.read_table(found.accepted).sort_by("id")
    assert table["new"].to_pylist() == [None, "x", None, "y"]
    # A row says the same whatever its file has in other columns.
    alone = landed(tmp_path, {"a": "a,1,2024-01-31"})
    assert table["_row_hash"][0] == pq.read_table(alone.accepted)["_row_hash"][0]


def test_a_bad_row_is_kept_as_its_file_has_it(tmp_path: Path) -> None:
    found = landed(tmp_path, {"a": b'id;amt;snapshot_date\n"a;b";x,y;2024-01-31\n'}, max_bad=1)
    assert pq.read_table(found.quarantined)["raw_text"].to_pylist() == ['"a;b";x,y;2024-01-31']


def test_a_declared_decimal_comma_becomes_a_point(tmp_path: Path) -> None:
    source = replace(PEOPLE, decimal=",")
    text = b"id;amt;snapshot_date\na;1.234,5;2024-01-31\nb;,5;2024-01-31\nc;1.234;2024-01-31\n"
    found = landed(tmp_path, {"a": text}, source)
    assert [amount for _, amount, _ in rows(found.accepted)] == ["1234.5", ".5", "1234"]


def test_the_decimal_mark_that_is_not_declared_is_told(tmp_path: Path) -> None:
    comma, point = (
        f"id;amt;snapshot_date\na;1{mark}5;2024-01-31\nb;1.234;2024-01-31\n".encode()
        for mark in ",."
    )
    source = replace(PEOPLE, decimal=",")
    told = landed(tmp_path, {"a": comma.replace(b"1.234", b"7")}, max_bad=1).files[0].other_spelling
    assert "a decimal comma" in str(told) and 'decimal=","' in str(told)
    assert landed(tmp_path, {"a": comma}, source).files[0].other_spelling is None
    assert "a decimal point" in str(landed(tmp_path, {"a": point}, source).files[0].other_spelling)
    assert landed(tmp_path, {"a": point}).files[0].other_spelling is None


@pytest.mark.parametrize(
    ("number", "is_told"),
    [("1.234,50", True), ("0,5", True), ("1,2E+02", True), ("12,345", False), ("1,234.5", False)],
)
def test_a_file_of_bad_numbers_is_refused_with_the_declaration_that_reads_them(
    tmp_path: Path, number: str, is_told: bool
) -> None:
    content = f"id;amt;snapshot_date\na;{number};2024-01-31\n".encode()
    with pytest.raises(BadInput) as refused:
        landed(tmp_path, {"a": content})
    assert (
        'declare the decimal mark of the source, as decimal=","' in str(refused.value)
    ) == is_told
    if is_told:
        good = landed(tmp_path, {"a": content}, replace(PEOPLE, decimal=","))
        assert len(rows(good.accepted)) == 1


def test_numbers_of_parquet_have_points_whatever_is_declared(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    table = pa.table({"id": ["a", "b"], "amt": [1.234, 1.5], "snapshot_date": ["2024-01-31"] * 2})
    pq.write_table(table, tmp_path / "p" / "a.parquet")
    content = (tmp_path / "p" / "a.parquet").read_bytes()
    found = landed(tmp_path, {"a": content}, replace(PEOPLE, decimal=","))
    assert rows(found.accepted) == [("a", "1.234", "a"), ("b", "1.5", "a")]
    assert found.files[0].other_spelling is None


# Deletions


def test_a_file_of_deletions_needs_only_the_key_and_beats_earlier_files(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "1": "a,1,2024-01-31|b,1,2024-01-31|c,1,2024-01-31",
        "2.deleted": "id,snapshot_date|a,2024-01-31|b,2024-01-31|b,2024-01-31",
        "3": "b,3,2024-01-31",
    }
    found = landed(tmp_path, files)
    assert rows(found.accepted) == [("b", "3", "3"), ("c", "1", "1")]
    assert rows(found.others) == [("a", "1", "1"), ("b", "1", "1")]
    assert rows(found.deleted) == [("a", None, "2.deleted"), ("b", None, "2.deleted")]
    assert pq.read_schema(found.deleted).names == [
        "id", "snapshot_date", "month", "_source_file", "_source_row", "_row_hash",
    ]  # fmt: skip
    assert found.files[1].counts == {"2024-01": Counts(3, 2, 0, 1)}


@pytest.mark.parametrize("yes", ["1", "TRUE", " y ", "Yes"])
def test_a_declared_column_says_which_rows_delete(tmp_path: Path, yes: str) -> None:
    header = f"{HEADER},gone"
    files: dict[str, str | bytes] = {
        "1": f"{header}|a,1,2024-01-31,|b,1,2024-01-31,no",
        "2": f"{header}|a,,2024-01-31,{yes}",
    }
    found = landed(tmp_path, files, DELETING)
    assert rows(found.accepted) == [("b", "1", "1")] and rows(found.deleted) == [("a", None, "2")]
    assert "gone" not in pq.read_schema(found.accepted).names and not found.extra_columns


def test_a_row_that_may_delete_or_not_is_quarantined(tmp_path: Path) -> None:
    text = f"{HEADER},gone|a,1,2024-01-31,perhaps|b,1,2024-01-31,yes|b,1,2024-01-31,no"
    found = landed(tmp_path, {"1": text}, DELETING, max_bad=1)
    assert rows(found.accepted) == [] and found.deleted is None
    first, second, third = reasons(found)
    assert all("differs in whether it is deleted" in each for each in (first, second))
    assert third == "gone is neither yes nor no: 'perhaps'"


# The order of dates


def test_a_file_that_proves_no_order_takes_that_of_the_others(tmp_path: Path) -> None:
    found = landed(tmp_path, {"1": "a,1,3/2/2024", "2": "a,1,31/1/2024"})
    assert orders(found) == {
        "1": "dmy: as in people/2.csv: '31/1/2024' on line 2 is a day in this order only",
        "2": "dmy: '31/1/2024' on line 2 is a day in this order only",
    }
    assert found.months == {"2024-01", "2024-02"}
    before = {"people/0.csv": DateOrder("mdy", "all proves it")}
    assert landed(tmp_path, {"1": "a,1,3/2/2024"}, proved=before).months == {"2024-03"}


def test_orders_of_files_that_contradict_each_other_are_told(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "1": "a,1,31/1/2024",
        "2": "a,1,1/31/2024|a,1,2/28/2024",
        "3": "a,1,3/2/2024",
        "4": "a,1,31/1/2024|a,1,1/31/2024",
        "5": "a,1,2024-01-31",
    }
    found = landed(tmp_path, files)
    assert found.files[2].date_order is None and [f.name[7:-4] for f in found.files] == list("125")
    assert orders(found)["1"].endswith(
        "although another file is month first as in people/2.csv: '1/31/2024' on line 2 is a day in "
        "this order only"
    )
    assert found.months == {"2024-01", "2024-02"}
    unknown, contradictory = found.refused
    assert "Other files are day first (as in people/1.csv" in unknown.why
    assert "a file has one order" in contradictory.why


def test_a_name_with_a_month_proves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no row of the file proves which"):
        landed(tmp_path, {"2024-02": "a,1,3/2/2024"})


# Files that grew


def test_a_file_that_grew_is_read_on_beside_others(tmp_path: Path) -> None:
    first = landed(tmp_path, {"a": "a,1,2024-01-31"})
    (before,) = first.files
    for more, rest in (("a,1,2024-02-29", 1), ("b,1,2024-01-31", 2)):
        grown = arrival(tmp_path, "a", f"a,1,2024-01-31|{more}")
        grown = replace(grown, after=before.extent, reading=Reading())
        found = land_files(
            PEOPLE, [grown, arrival(tmp_path, "b", "c,1,2024-02-29")], tmp_path / "into"
        )
        assert (found.files[0].before is not None) == (rest == 1)
        assert len(rows(found.accepted)) == rest + 1


def test_columns_of_other_spellings_are_told_by_file(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "1": "a,2000,2024-01-31",
        "2": 'a,"1,5",2024-01-31|b,"2,5",2024-01-31',
    }
    found = landed(tmp_path, files, max_bad=1)
    assert found.files[0].other_spelling is None
    assert "2 cells of amt seem to have a decimal comma" in str(found.files[1].other_spelling)


# Laws


@dataclass(frozen=True)
class Row:
    """A row of a file: an id, an amount that may be bad, and a month."""

    id: str
    amt: str
    month: int

    @property
    def line(self) -> str:
        return f"{self.id},{self.amt},2024-0{self.month}-28"


ROWS = st.builds(Row, st.sampled_from("abc"), st.sampled_from(["1", "2", "bad"]), st.integers(1, 3))


@settings(max_examples=12)
@given(
    kept=st.lists(ROWS, min_size=1, max_size=12, unique_by=lambda row: (row.id, row.month)),
    places=st.lists(st.integers(0, 4), min_size=12, max_size=12),
)
def test_any_split_of_rows_into_files_lands_as_the_one_file_of_them(
    kept: list[Row], places: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("split")
    parts: dict[str, list[str]] = {}
    for row, place in zip(kept, places, strict=False):
        parts.setdefault(str(place), []).append(row.line)
    whole = landed(folder, {"0": "|".join(row.line for row in kept)}, max_bad=1)
    files: dict[str, str | bytes] = {name: "|".join(lines) for name, lines in parts.items()}
    split = landed(tmp_path_factory.mktemp("split"), files, max_bad=1)
    assert split.counts == whole.counts and split.others is None
    for path in ("accepted", "quarantined"):
        one, many = (pq.read_table(getattr(each, path)).to_pylist() for each in (whole, split))
        assert said(one) == said(many)


def said(found: Sequence[dict[str, Any]]) -> Counter[str]:
    """The rows without where they are; the hash of a bad row is by its place."""
    ours = ("_source_file", "_source_row", "_source_line")
    return Counter(
        str(
            {
                k: v
                for k, v in row.items()
                if k not in ours and not ("raw_text" in row and k == "_row_hash")
            }
        )
        for row in found
    )


@settings(max_examples=15)
@given(
    files=st.lists(st.lists(ROWS, min_size=1, max_size=6), min_size=1, max_size=4),
    deletes=st.booleans(),
)
def test_of_any_files_each_key_has_the_row_of_the_latest_as_by_plain_python(
    files: list[list[Row]], deletes: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("latest")
    header = f"{HEADER},gone|"
    content: dict[str, str | bytes] = {
        str(n): header
        + "|".join(f"{row.line},{int(deletes and row.amt == '2')}" for row in of_file)
        for n, of_file in enumerate(files)
    }
    found = landed(folder, content, DELETING, max_bad=1)
    expected = by_plain_python(files, deletes)
    stands = {key: each[-1] for key, each in expected.items()}
    assert Counter(rows(found.accepted)) == Counter(
        (id, amt, name) for (id, _), (name, amt) in stands.items() if amt
    )
    lost = [(id, amt, name) for (id, _), each in expected.items() for name, amt in each[:-1] if amt]
    assert Counter(rows(found.others)) == Counter(lost)
    gone = [(id, None, name) for (id, _), each in expected.items() for name, amt in each if not amt]
    assert Counter(rows(found.deleted)) == Counter(gone)


def by_plain_python(
    files: list[list[Row]], deletes: bool
) -> dict[tuple[str, int], list[tuple[str, str]]]:
    """By key, the file and amount of each good candidate, the latest last; a deletion has no amount."""
    found: dict[tuple[str, int], list[tuple[str, str]]] = {}
    for n, of_file in enumerate(files):
        said: dict[tuple[str, int], set[str]] = {}
        for row in of_file:
            if row.amt != "bad":
                amt = "" if deletes and row.amt == "2" else row.amt
                said.setdefault((row.id, row.month), set()).add(amt)
        for key, amounts in said.items():
            if len(amounts) == 1:
                found.setdefault(key, []).append((str(n), *amounts))
    return found

"""A raw file is read as CSV in UTF-8 whatever its form; what is not certain is refused in one line."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import hashlib
import io
import lzma
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.errors import BadInput
from lakehouse.landing.land import land
from lakehouse.landing.raw_text import RawText, raw_text
from lakehouse.table import Field, Source

COLUMNS = ("id", "note", "day")
TEXT = "id,note,day\n1,caf\u00e9 \u65e5\u672c,2024-07-01\n2,,2024-07-02\n"


def source(columns: tuple[str, ...] = COLUMNS, **declared: Any) -> Source:
    fields = tuple(Field(name, "STRING", "") for name in columns)
    required = (("id", "text"), ("day", "date"))
    return Source(
        "people", ("people.csv",), fields, ("id", "day"), "id", "day", required, **declared
    )


PEOPLE = source()


def zstd(content: bytes) -> bytes:
    packed: bytes = pa.compress(content, codec="zstd", asbytes=True)
    return packed


def read(
    path: Path, of: Source = PEOPLE, name: str = "people.csv", at_once: int = 1 << 20
) -> tuple[str, RawText]:
    with raw_text(path, name, of) as raw:
        parts = []
        while part := raw.read(at_once):
            assert len(part) <= at_once
            parts.append(part)
    return b"".join(parts).decode(), raw


@pytest.fixture
def given_as(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        path = tmp_path / "people.csv"
        path.write_bytes(content)
        return path

    return write


def refusal(path: Path, of: Source = PEOPLE, name: str = "people.csv") -> str:
    with pytest.raises(BadInput) as refused:
        read(path, of, name)
    line = str(refused.value)
    assert name in line and "\n" not in line
    return line


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip in two members": lambda c: gzip.compress(c[:20]) + gzip.compress(c[20:]),
    "gzip with zeros behind it": lambda c: gzip.compress(c) + bytes(64),
    "zstd": zstd,
    "zstd in two frames": lambda c: zstd(c[:20]) + zstd(c[20:]),
    "UTF-16": lambda c: c.decode().encode("utf-16"),
    "UTF-16 of the other end": lambda c: b"\xfe\xff" + c.decode().encode("utf-16-be"),
    "UTF-32": lambda c: c.decode().encode("utf-32"),
    "UTF-16 in gzip": lambda c: gzip.compress(c.decode().encode("utf-16")),
}


@pytest.mark.parametrize("at_once", [1 << 20, 16])
@pytest.mark.parametrize("form", FORMS)
def test_each_form_has_the_same_text(
    given_as: Callable[[bytes], Path], form: str, at_once: int
) -> None:
    content = FORMS[form](TEXT.encode())
    text, raw = read(given_as(content), at_once=at_once)
    assert text == TEXT
    assert (raw.sha256, raw.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert (raw.grows, raw.typed, raw.delimiter) == (form == "plain", False, ",")


def test_a_text_in_utf_8_with_a_mark_can_be_read_on(given_as: Callable[[bytes], Path]) -> None:
    text, raw = read(given_as(TEXT.encode("utf-8-sig")))
    assert text == "\ufeff" + TEXT and raw.grows and raw.delimiter == ","


@given(cut=st.integers(1, 60))
@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_a_compressed_file_that_is_cut_off_is_refused(
    tmp_path_factory: pytest.TempPathFactory, form: str, cut: int
) -> None:
    whole = FORMS[form](os.urandom(100).hex().encode() + TEXT.encode())
    path = tmp_path_factory.getbasetemp() / "cut.csv"
    path.write_bytes(whole[:-cut])
    assert "is cut off" in refusal(path)


@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_a_compressed_file_with_something_behind_it_is_refused(
    given_as: Callable[[bytes], Path], form: str
) -> None:
    assert "is damaged" in refusal(given_as(FORMS[form](TEXT.encode()) + b"and more"))


def test_a_gzip_of_which_a_byte_rotted_is_refused(given_as: Callable[[bytes], Path]) -> None:
    content = bytearray(gzip.compress(TEXT.encode(), compresslevel=0))
    content[content.index(b"caf")] ^= 1
    assert "is damaged" in refusal(given_as(bytes(content)))


def zipped(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("people.csv", content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("pack", "told"),
    [
        (zipped, "is a zip or Excel file; unpack it"),
        (bz2.compress, "is compressed (bzip2); unpack it first"),
        (lzma.compress, "is compressed (xz); unpack it first"),
        (lambda c: gzip.compress(gzip.compress(c)), "is compressed twice"),
        (lambda c: zstd(zipped(c)), "is a zip or Excel file"),
        (lambda c: b"", "is empty (0 bytes)"),
    ],
)
def test_other_forms_are_refused(
    given_as: Callable[[bytes], Path], pack: Callable[[bytes], bytes], told: str
) -> None:
    assert told in refusal(given_as(pack(TEXT.encode())))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_inferred_by_a_header_that_fits(
    given_as: Callable[[bytes], Path], delimiter: str
) -> None:
    text = '\n\n"id" ,note,day,more\n1,"a;b|c",2024-07-01,\n'.replace(",", delimiter)
    _, raw = read(given_as(text.encode()))
    assert raw.delimiter == delimiter


@pytest.mark.parametrize("header", ["id;note", "id^note^day", "id;note,day", ""])
def test_a_comma_stays_where_no_delimiter_fits(
    given_as: Callable[[bytes], Path], header: str
) -> None:
    _, raw = read(given_as(f"{header}\n".encode()))
    assert raw.delimiter == ","


def test_a_declared_delimiter_is_not_doubted(given_as: Callable[[bytes], Path]) -> None:
    _, raw = read(given_as(TEXT.encode()), source(delimiter="^"))
    assert raw.delimiter == "^"


def test_a_tombstone_file_needs_only_the_keys_in_its_header(
    given_as: Callable[[bytes], Path],
) -> None:
    path = given_as(b"id;day\n1;2024-07-01\n")
    assert read(path, name="people.deleted.csv")[1].delimiter == ";"
    assert read(path)[1].delimiter == ","


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "cp037", "utf-16-le", "shift_jis"])
def test_a_declared_encoding_is_read(given_as: Callable[[bytes], Path], encoding: str) -> None:
    text = TEXT.replace(" \u65e5\u672c" if encoding != "shift_jis" else "caf\u00e9", "")
    got, raw = read(given_as(text.encode(encoding)), source(encoding=encoding), at_once=16)
    assert got == text and not raw.grows


def test_a_mark_comes_before_a_declared_encoding(given_as: Callable[[bytes], Path]) -> None:
    for marked in ("utf-8-sig", "utf-16"):
        got, _ = read(given_as(TEXT.encode(marked)), source(encoding="cp1252"))
        assert got.removeprefix("\ufeff") == TEXT


def test_bytes_that_the_declared_encoding_lacks_are_refused(
    given_as: Callable[[bytes], Path],
) -> None:
    path = given_as(b"id,note,day\n1,\x81,2024-07-01\n")
    assert "is not cp1252 on line 2" in refusal(path, source(encoding="cp1252"))
    assert "is not utf-16 on line 2" in refusal(given_as("id\na".encode("utf-16") + b"x"))


def parquet(path: Path, **columns: pa.Array) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def of_type(values: list[Any], type_: pa.DataType) -> Callable[[Path], list[str]]:
    def texts(path: Path) -> list[str]:
        column = pa.array(values, type_)
        days = pa.array(["2024-07-01"] * len(values))
        text, _ = read(parquet(path, id=column, day=days))
        return [line.rpartition(",")[0] for line in text.splitlines()[1:]]

    return texts


@pytest.mark.parametrize(
    ("values", "type_", "texts"),
    [
        ([1, None], pa.int32(), ["1", ""]),
        ([0.1, 6.0, 1e-7, 1234567.25], pa.float64(), ["0.1", "6", "1e-7", "1234567.25"]),
        ([0.1, 16777216.0], pa.float32(), ["0.1", "16777216"]),
        ([Decimal("12.30")], pa.decimal128(9, 2), ["12.30"]),
        ([True, None], pa.bool_(), ["true", ""]),
        ([dt.date(2024, 7, 1)], pa.date32(), ["2024-07-01"]),
        ([dt.datetime(2024, 7, 1)], pa.timestamp("ns"), ["2024-07-01 00:00:00"]),
        (
            [dt.datetime(2024, 7, 1, 1, 2, 3, 500_000)],
            pa.timestamp("us"),
            ["2024-07-01 01:02:03.5"],
        ),
        ([dt.datetime(2024, 7, 1)], pa.timestamp("us", "UTC"), ["2024-07-01 00:00:00Z"]),
        (["a", None, "a"], pa.dictionary(pa.int8(), pa.string()), ["a", "", "a"]),
        ([b"caf\xc3\xa9"], pa.binary(), ["caf\u00e9"]),
        (['a"b', "c,d", "", "\u00e9"], pa.string(), ['"a""b"', '"c,d"', "", "\u00e9"]),
        ([None], pa.null(), [""]),
    ],
)
def test_a_parquet_file_is_the_csv_that_it_would_be(
    tmp_path: Path, values: list[Any], type_: pa.DataType, texts: list[str]
) -> None:
    assert of_type(values, type_)(tmp_path / "x") == texts


def test_the_midnight_of_a_required_day_is_the_day(tmp_path: Path) -> None:
    days = pa.array([dt.datetime(2024, 7, 1), dt.datetime(2024, 7, 1, 5), None], pa.timestamp("ns"))
    path = parquet(tmp_path / "x", id=pa.array([1, 2, 3]), day=days)
    assert read(path)[0] == "id,day\n1,2024-07-01\n2,2024-07-01 05:00:00\n3,\n"


def test_a_parquet_file_is_known_by_its_bytes_and_is_typed(tmp_path: Path) -> None:
    path = parquet(tmp_path / "people.csv", id=pa.array(["a;b"]), day=pa.array(["2024-07-01"]))
    _, raw = read(path, source(delimiter=";", encoding="cp1252"), at_once=3)
    assert (raw.typed, raw.grows, raw.delimiter) == (True, False, ",")
    content = path.read_bytes()
    assert (raw.sha256, raw.size) == (hashlib.sha256(content).hexdigest(), len(content))


@pytest.mark.parametrize(
    "nested", [pa.array([[1]]), pa.array([{"a": 1}]), pa.array([dt.timedelta(1)])]
)
def test_a_parquet_column_that_no_csv_can_hold_is_refused(tmp_path: Path, nested: pa.Array) -> None:
    path = parquet(tmp_path / "x", id=pa.array([1]), note=nested)
    assert "column note is of the Parquet type" in refusal(path)


def test_a_parquet_column_of_other_bytes_is_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path / "x", id=pa.array([b"\xff"]))
    assert "column id has bytes that are not UTF-8" in refusal(path)


def test_a_parquet_file_that_is_cut_off_or_rotten_is_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path / "x", id=pa.array([os.urandom(8).hex() for _ in range(5000)]))
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert "is damaged" in refusal(path)
    path.write_bytes(whole[:100] + bytes(400) + whole[500:])
    assert "is damaged" in refusal(path)


@given(st.lists(st.tuples(st.text(), st.one_of(st.none(), st.floats()))))
def test_what_is_in_a_parquet_file_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, float | None]]
) -> None:
    import csv

    rows = [(text.replace("\r", "").encode(errors="ignore").decode(), n) for text, n in rows]
    path = tmp_path_factory.getbasetemp() / "some.parquet"
    texts, numbers = (
        pa.array([t for t, _ in rows], pa.string()),
        pa.array([n for _, n in rows], pa.float64()),
    )
    text, _ = read(parquet(path, id=texts, note=numbers), at_once=7)
    back = list(csv.reader(io.StringIO(text, newline="")))[1:]
    assert [(t, repr(float(n)) if n else None) for t, n in back] == [
        (t, None if n is None else repr(n)) for t, n in rows
    ]


@pytest.mark.parametrize("form", ["plain", "gzip", "parquet"])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, form: str) -> None:
    path = tmp_path / "people.csv"
    if form == "parquet":
        parquet(path, id=pa.array([1]))
    else:
        path.write_bytes(FORMS[form](TEXT.encode()))
    with (
        pytest.raises(BadInput, match=r"^in/people.csv changed while it was read; run again"),
        raw_text(path, "in/people.csv", PEOPLE) as raw,
    ):
        raw.read(10)
        with path.open("ab") as more:
            more.write(b"more")


def test_a_renamed_day_of_parquet_is_a_day(tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    midnight = pa.array([dt.datetime(2024, 7, 1)])
    parquet(path, id=pa.array(["1"]), note=midnight, Tag=midnight)
    text, _ = read(path, source(renames=(("Tag", "day"),)), "people.parquet")
    assert text == "id,note,Tag\n1,2024-07-01 00:00:00,2024-07-01\n"


NUMBERS = Source(
    "people",
    ("people.csv",),
    tuple(Field(name, "STRING", "") for name in ("id", "amt", "day")),
    ("id", "day"),
    "id",
    "day",
    (("id", "text"), ("amt", "number"), ("day", "date")),
)


def rows_of(tmp_path: Path, content: bytes, source: Source = NUMBERS) -> list[dict[str, Any]]:
    """The rows that are accepted of a file, by what tables have of it."""
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    landed = land(source, path, tmp_path / "into")
    rows = pq.read_table(landed.accepted).sort_by("_source_row").to_pylist()
    return [
        {name: row[name] for name in ("id", "amt", "day", "month", "_source_row")} for row in rows
    ]


def test_rows_are_the_same_whatever_the_form_of_the_file(tmp_path: Path) -> None:
    content = b'id,amt,day\na,1234.5,2024-07-01\n"b;c",-2.25,2024-08-01\n'
    expected = rows_of(tmp_path, content)
    assert [row["amt"] for row in expected] == ["1234.5", "-2.25"]
    for form in FORMS.values():
        assert rows_of(tmp_path, form(content)) == expected
    with_semicolons = b'id;amt;day\na;1234.5;2024-07-01\n"b;c";-2.25;2024-08-01\n'
    assert rows_of(tmp_path, with_semicolons) == expected
    with_commas = b'id;amt;day\na;1.234,5;2024-07-01\n"b;c";-2,25;2024-08-01\n'
    assert rows_of(tmp_path, with_commas, replace(NUMBERS, decimal=",")) == expected
    days = pa.array([dt.date(2024, 7, 1), dt.date(2024, 8, 1)])
    path = parquet(
        tmp_path / "x", id=pa.array(["a", "b;c"]), amt=pa.array([1234.5, -2.25]), day=days
    )
    assert rows_of(tmp_path, path.read_bytes()) == expected


def test_numbers_of_a_parquet_file_are_not_read_as_if_their_points_were_of_thousands(
    tmp_path: Path,
) -> None:
    days = pa.array([dt.date(2024, 7, 1)])
    path = parquet(tmp_path / "x", id=pa.array(["a"]), amt=pa.array([1.234]), day=days)
    (row,) = rows_of(tmp_path, path.read_bytes(), replace(NUMBERS, decimal=","))
    assert row["amt"] == "1.234"

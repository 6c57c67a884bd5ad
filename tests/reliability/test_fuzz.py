"""Whatever bytes a raw file has: no traceback, and no row that is neither taken, kept apart nor told of."""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, event, example, given, settings
from hypothesis import strategies as st

from lakehouse.bronze import attributes, clickstream, financials, loan_daily
from lakehouse.errors import BadInput
from lakehouse.landing import broken_records, chunks
from lakehouse.landing.broken_records import BrokenRecords
from lakehouse.landing.counts import Counts
from lakehouse.landing.land import land
from lakehouse.landing.raw_text import raw_text
from lakehouse.landing.splitting import Split, split
from lakehouse.table import Source
from tests.run.test_laws import (
    CUSTOMERS,
    FILE,
    MONTHS,
    RAW,
    click,
    content,
    deliver,
    folder,
    run_on,
)

pytestmark = pytest.mark.slow

SOURCES = [each.SOURCE for each in (clickstream, attributes, financials, loan_daily)]
BOM = b"\xef\xbb\xbf"


def repeatable(examples: int) -> settings:
    """The same cases each time."""
    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
    return settings(
        max_examples=examples,
        suppress_health_check=checks,
    )


# A slow reader, character by character, that shares nothing with ours


# First bytes of files that are unpacked or decoded before they are split.
PACKED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1", b"PK\x03\x04", b"BZh", b"\xfd7zXZ")
MARKS_OF_WIDE_TEXT = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")


@dataclass
class Read:
    """Rows by their number: of sound ones the line and the cells, of broken ones the line and the text."""

    sound: dict[int, tuple[int, list[str]]] = field(default_factory=dict)
    broken: dict[int, tuple[int, str]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return len(self.sound) + len(self.broken)


def read(raw: bytes) -> Read | None:
    """What a file holds, by the rules of the documents only; None where it must be refused."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    if "\0" in text or raw.startswith(PACKED):
        return None
    text = text.removeprefix("\ufeff")
    text += "" if text.endswith("\n") else "\n"
    at = len(text) - len(text.lstrip("\r\n"))
    header = record(text, at)
    if header is None:
        return None
    found, row, width, at = Read(), 1, len(header[0]), header[1]
    while at < len(text):
        line = text.count("\n", 0, at) + 1
        end = text.index("\n", at) + 1
        alone = text[at : end - 1].removesuffix("\r")
        whole = record(text, at) if alone else ([], end)
        if alone:
            row += 1
        if whole is None:
            found.broken[row] = line, alone
        elif alone and len(whole[0]) != width:
            found.broken[row] = line, text[at : whole[1] - 1].removesuffix("\r")
        elif alone:
            found.sound[row] = line, whole[0]
        at = end if whole is None else whole[1]
    return found if found.rows else None


def record(text: str, at: int) -> tuple[list[str], int] | None:
    """The cells of the record that begins there, and where the next begins; None where it is broken."""
    cells = []
    while True:
        cell = quoted(text, at) if text[at : at + 1] == '"' else bare(text, at)
        if cell is None:
            return None
        cells.append(cell[0])
        at = cell[1]
        if text.startswith(("\n", "\r\n"), at):
            return cells, text.index("\n", at) + 1
        if not text.startswith(",", at):
            return None
        at += 1


def bare(text: str, at: int) -> tuple[str, int]:
    end = at
    while end < len(text) and text[end] not in ",\r\n":
        end += 1
    return text[at:end], end


def quoted(text: str, at: int) -> tuple[str, int] | None:
    cell, at = "", at + 1
    while at < len(text):
        if text.startswith('""', at):
            cell, at = cell + '"', at + 2
        elif text[at] == '"':
            return cell, at + 1
        else:
            cell, at = cell + text[at], at + 1
    return None


# What is read


def damaged(draw: st.DrawFn, raw: bytes, pieces: list[bytes]) -> bytes:
    """The bytes with a few things done to them that happen to files."""
    for _ in range(draw(st.integers(1, 4))):
        i, j = sorted(draw(st.tuples(*[st.integers(0, len(raw))] * 2)))
        piece = draw(st.sampled_from(pieces))
        raw = draw(
            st.sampled_from(
                [
                    raw[:i] + raw[j:],
                    raw[:i] + piece + raw[i:],
                    raw[:i] + piece + raw[j:],
                    raw[:j] + raw[i:j] + raw[j:],
                    raw[:i] + raw[i:j][::-1] + raw[j:],
                    raw[j:] + raw[i:j] + raw[:i],
                    raw[:i] + bytes(byte ^ 1 for byte in raw[i : i + 1]) + raw[i + 1 :],
                    raw.replace(b"\n", b"\r\n"),
                    BOM + raw,
                ]
            )
        )
    return raw


TEXTS = [
    b'"', b'""', b",", b"\n", b"\r", b"\r\n", BOM, b"\xc3\xa9", b"\xf0\x9f\x92\xa9", b'"a\nb"', b'x"y',
    b'",', b',"', b" ", b"\x1e\x1f", b"'; DROP TABLE t; --", b"=1+1", b"9" * 40,
]  # fmt: skip
PIECES = [*TEXTS, b"\0", b"\xc3", b"\xff\xfe"]
NOISE = st.binary(max_size=40) | st.lists(st.sampled_from(PIECES), max_size=14).map(b"".join)
NOISE |= st.lists(st.sampled_from(TEXTS), max_size=14).map(lambda texts: b"x,y\n" + b"".join(texts))
GRAMMAR = st.text(alphabet='a1,"\n\r é;\x1e', max_size=60).map(str.encode)
CHUNKS = st.sampled_from([1, 2, 3, 5, 7, 16, 61, 4096])


@st.composite
def delivered(draw: st.DrawFn, source: Source, files: dict[str, bytes]) -> bytes:
    return damaged(draw, files[source.name], draw(st.sampled_from([TEXTS, PIECES])))


@pytest.fixture(scope="module")
def files(generated: Path) -> dict[str, bytes]:
    """The first rows of each source's generated file."""
    found = {}
    for source in SOURCES:
        lines = (generated / source.file_names[0]).read_bytes().splitlines(keepends=True)
        found[source.name] = b"".join(lines[:5])
    return found


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture
def small_chunks() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


class Sound(io.FileIO):
    """The sound records of a file with any header."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w")

    def begin(self, header: list[str]) -> tuple[str, ...]:
        return tuple(header)


def ours(raw: bytes, work: Path) -> tuple[Split, Read] | None:
    """What the lakehouse makes of the bytes; None where it refuses them."""
    (work / "raw.csv").write_bytes(raw)
    try:
        with (
            raw_text(work / "raw.csv", "raw.csv", SOURCES[0]) as text,
            Sound(work / "sound.csv") as sound,
            BrokenRecords(work / "broken.parquet") as broken,
        ):
            met = split(text, "raw.csv", sound, broken)
    except BadInput as refused:
        assert "\n" not in str(refused) and "raw.csv" in str(refused)
        return None
    found = Read()
    copied = (work / "sound.csv").read_bytes().decode()
    for number, line, *cells in csv.reader(io.StringIO(copied, newline=""), strict=True):
        found.sound[int(number)] = int(line), cells
    for row in pq.read_table(work / "broken.parquet").to_pylist():
        found.broken[row["_source_row"]] = row["_source_line"], row["raw_text"]
        assert row["reasons"]
    assert found.sound.keys().isdisjoint(found.broken)
    return met, found


def check_split(raw: bytes, work: Path) -> None:
    assume(not raw.startswith(MARKS_OF_WIDE_TEXT))
    expected, found = read(raw), ours(raw, work)
    event("refused" if expected is None else f"broken: {bool(expected.broken)}")
    if expected is None:
        assert found is None
        return
    assert found is not None
    met, rows = found
    assert rows == expected
    assert (met.rows_in, met.broken) == (expected.rows, len(expected.broken))
    assert met.fingerprint == hashlib.sha256(raw).hexdigest()


@repeatable(900)
@given(raw=NOISE, chunk=CHUNKS)
@example(raw=b'a\n"b\r\n"', chunk=1)
def test_bytes_at_random_are_split_as_by_a_reader_that_goes_character_by_character(
    raw: bytes, chunk: int, work: Path, small_chunks: pytest.MonkeyPatch
) -> None:
    small_chunks.setattr(chunks, "CHUNK_BYTES", chunk)
    check_split(raw, work)


@repeatable(900)
@given(raw=GRAMMAR, chunk=CHUNKS)
def test_quotes_commas_and_line_ends_at_random_are_split_as_by_that_reader(
    raw: bytes, chunk: int, work: Path, small_chunks: pytest.MonkeyPatch
) -> None:
    small_chunks.setattr(chunks, "CHUNK_BYTES", chunk)
    check_split(b"x,y\n" + raw, work)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_damaged_delivery_is_split_as_by_that_reader(
    source: Source, files: dict[str, bytes], work: Path
) -> None:
    @repeatable(200)
    @given(raw=delivered(source, files), chunk=CHUNKS)
    def check(raw: bytes, chunk: int) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(chunks, "CHUNK_BYTES", chunk)
            check_split(raw, work)

    check()


@repeatable(300)
@given(raw=GRAMMAR, chunk=CHUNKS, limit=st.integers(1, 12))
def test_records_over_the_limit_are_broken_rows_and_of_no_other_row_a_cell_is_lost(
    raw: bytes, chunk: int, limit: int, work: Path, small_chunks: pytest.MonkeyPatch
) -> None:
    small_chunks.setattr(chunks, "CHUNK_BYTES", chunk)
    small_chunks.setattr(broken_records, "MAX_RECORD_BYTES", limit)
    small_chunks.setattr(broken_records, "SHOWN_BYTES", 2)
    found = ours(b"x,y\n" + raw, work)
    if found is None:
        return
    met, rows = found
    assert met.rows_in == rows.rows and sorted({**rows.sound, **rows.broken}) == list(
        range(2, rows.rows + 2)
    )
    text = raw.decode()
    for _, cells in rows.sound.values():
        assert len(cells) == 2 and all(
            cell.replace('"', "") in text.replace('"', "") for cell in cells
        )
    for _, shown in rows.broken.values():
        assert shown.split(" ... (shortened")[0] in text


# Landed


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_every_row_of_a_damaged_delivery_is_accepted_quarantined_or_an_equal_copy(
    source: Source, files: dict[str, bytes], work: Path
) -> None:
    @repeatable(60)
    @given(raw=delivered(source, files))
    def check(raw: bytes) -> None:
        (work / "raw.csv").write_bytes(raw)
        expected = read(raw)
        try:
            landed = land(source, work / "raw.csv", work / "into", max_bad=1.0)
        except BadInput as refused:
            event("refused")
            assert "\n" not in str(refused)
            return
        assert expected is not None
        total = sum(landed.counts.values(), Counts())
        event(f"quarantined: {total.quarantined > 0}")
        assert total.rows_in == expected.rows
        assert total.rows_in == total.accepted + total.quarantined + total.equal_duplicates
        bad = pq.read_table(landed.quarantined).to_pylist()
        assert (pq.read_table(landed.accepted).num_rows, len(bad)) == (
            total.accepted,
            total.quarantined,
        )
        assert expected.broken.keys() <= {row["_source_row"] for row in bad}
        text = raw.decode().replace('"', "")  # put together again, needless quotes are gone
        assert all(row["raw_text"].replace('"', "") in text for row in bad)

    check()


# From end to end


ROWS = [
    click(customer, f"{month}-01", i) for i, customer in enumerate(CUSTOMERS) for month in MONTHS
]


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A datamart of good rows; copy it before changing it."""
    root = tmp_path_factory.mktemp("before")
    deliver(root / "data", ROWS)
    run_on(RAW, root)
    return root


def tables(root: Path) -> list[dict[tuple[Any, ...], dict[str, Any]]]:
    return [content(root, RAW.table(f"bronze.{name}")) for name in ("clickstream", "quarantine")]


@st.composite
def corrected(draw: st.DrawFn) -> bytes:
    header, rows = (",".join(clickstream.SOURCE.header) + "\n").encode(), "\n".join(ROWS).encode()
    if draw(st.integers(0, 4)):
        return header + damaged(draw, rows, TEXTS)
    return damaged(draw, header + rows, PIECES)


@repeatable(50)
@given(raw=corrected())
def test_a_damaged_correction_is_refused_whole_or_taken_whole_and_only_once(
    raw: bytes, before: Path
) -> None:
    with folder() as root:
        shutil.copytree(before, root, dirs_exist_ok=True)
        held = tables(root)
        (root / "data" / FILE).write_bytes(raw)
        try:
            report = run_on(RAW, root, max_bad=1.0)
        except BadInput as refused:
            event("refused")
            assert "\n" not in str(refused) and tables(root) == held
            return
        if not report.tables:
            event("the same bytes")
            assert tables(root) == held
            return
        counts = report.tables["bronze.clickstream"].rows
        expected = read(raw)
        assert counts is not None and expected is not None
        event(f"quarantined: {counts.quarantined > 0}")
        assert counts.rows_in == expected.rows
        assert counts.rows_in == counts.accepted + counts.quarantined + counts.equal_duplicates
        bronze, quarantined = tables(root)
        # Months that are not delivered stay, and so does a row whose customer a damaged row names.
        assert len(bronze) >= counts.accepted and len(quarantined) == counts.quarantined
        assert run_on(RAW, root, max_bad=1.0).tables == {} and tables(root) == [bronze, quarantined]

"""An inbox of synthetic files holds the rows of the four files, in each form."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from lakehouse.errors import BadInput
from lakehouse.generate import Inbox, generate
from lakehouse.generate.files import CLICKSTREAM, HEADERS, LOANS
from lakehouse.generate.inbox import base

MONTH = "2023-05"
KEYS = ["Customer_ID", "loan_id", "snapshot_date"]


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("four")
    generate(out, customers=60, months=6, seed=3)
    return out


def inbox(out: Path, force: bool = False, **form: object) -> dict[str, int]:
    return generate(out, 60, 6, 3, force=force, inbox=Inbox(**form))  # type: ignore[arg-type]


def text(path: Path) -> bytes:
    """The rows of a file as the CSV that it would be."""
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix == ".zst":
        with pa.CompressedInputStream(str(path), "zstd") as unpacked:
            return bytes(unpacked.read())
    if path.suffix == ".parquet":
        rows = pd.read_parquet(path, dtype_backend="pyarrow")
        return rows.to_csv(index=False, lineterminator="\n").encode()
    return path.read_bytes()


def month_number(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:])


def files(out: Path, name: str) -> Iterator[tuple[Path, list[bytes]]]:
    """The files of a source by name, with their rows."""
    for path in sorted((out / base(name)).iterdir()):
        header, *rows = text(path).splitlines()
        assert header.decode() == HEADERS[name]
        yield path, rows


def union(out: Path, name: str) -> list[bytes]:
    """The rows of a source; where two have a key, that of the later file."""
    columns = HEADERS[name].split(",")
    places = [columns.index(column) for column in KEYS if column in columns]
    by_key: dict[tuple[str, ...], bytes] = {}
    for _, rows in files(out, name):
        for row, cells in zip(rows, csv.reader(row.decode() for row in rows), strict=True):
            by_key[tuple(cells[place] for place in places)] = row
    return sorted(by_key.values())


@pytest.mark.parametrize(
    ("late", "corrected", "form"),
    [
        (False, None, "csv"),
        (True, None, "csv"),
        (False, MONTH, "csv"),
        (True, MONTH, "gz"),
        (True, MONTH, "zst"),
    ],
)
def test_the_files_together_hold_the_rows_of_the_four(
    four: Path, tmp_path: Path, late: bool, corrected: str | None, form: str
) -> None:
    inbox(tmp_path, late=late, corrected=corrected, format=form)
    for name in HEADERS:
        assert union(tmp_path, name) == sorted((four / name).read_bytes().splitlines()[1:])


@pytest.mark.parametrize("form", ["parquet", "mixed"])
def test_in_parquet_a_source_has_the_same_values(four: Path, tmp_path: Path, form: str) -> None:
    inbox(tmp_path, format=form)
    for name in HEADERS:
        frames = [
            pd.read_parquet(path).astype(str) for path in (tmp_path / base(name)).glob("*.parquet")
        ]
        months = {month for frame in frames for month in frame.snapshot_date}
        one = pd.read_csv(four / name, keep_default_na=False, float_precision="round_trip").astype(
            str
        )
        rows = pd.concat(frames)
        for found in (rows, one):
            found[:] = found.apply(lambda cells: cells.str.replace(r"\.0$", "", regex=True))
        wanted = one[one.snapshot_date.isin(months)]
        assert Counter(map(tuple, rows.values)) == Counter(map(tuple, wanted.values))


def test_clean_numbers_and_dates_have_types_in_parquet(tmp_path: Path) -> None:
    inbox(tmp_path, format="parquet")
    loans = parquet.read_schema(tmp_path / "lms_loan_daily" / f"{MONTH}.parquet")
    assert loans.field("overdue_amt").type == pa.float64()
    assert loans.field("installment_num").type == pa.int64()
    assert loans.field("snapshot_date").type == pa.date32()
    money = parquet.read_schema(tmp_path / "features_financials" / f"{MONTH}.parquet")
    assert money.field("Annual_Income").type == pa.string()


def test_each_file_has_its_month_alone(tmp_path: Path) -> None:
    told = inbox(tmp_path)
    for name in HEADERS:
        for path, rows in files(tmp_path, name):
            assert {row[-10:-3].decode() for row in rows} == {path.stem}
            assert told[str(path.relative_to(tmp_path))] == len(rows)


def test_late_rows_come_with_the_file_of_the_month_after(tmp_path: Path) -> None:
    inbox(tmp_path, late=True)
    months_late = Counter(
        month_number(path.stem) - month_number(row[-10:-3].decode())
        for path, rows in files(tmp_path, CLICKSTREAM)
        for row in rows
    )
    assert set(months_late) == {0, 1}
    assert months_late[0] > 20 * months_late[1]


def test_a_second_file_corrects_some_rows_of_the_month(four: Path, tmp_path: Path) -> None:
    inbox(tmp_path, corrected=MONTH)
    loans = dict(files(tmp_path, LOANS))
    first = {*loans[tmp_path / base(LOANS) / f"{MONTH}.csv"]}
    second = {*loans[tmp_path / base(LOANS) / f"{MONTH}_corrected.csv"]}
    right = {*(four / LOANS).read_bytes().splitlines()}
    assert second and second <= right
    assert second.isdisjoint(first)
    assert len(first - right) == len(second)


def test_mixed_files_have_all_forms(tmp_path: Path) -> None:
    inbox(tmp_path, format="mixed")
    for name in HEADERS:
        endings = {path.name[7:] for path in (tmp_path / base(name)).iterdir()}
        assert endings == {".csv", ".csv.gz", ".csv.zst", ".parquet"}


@pytest.mark.parametrize("form", ["csv", "gz", "zst", "parquet"])
def test_the_same_arguments_give_the_same_bytes(tmp_path: Path, form: str) -> None:
    made = []
    for place in (tmp_path / "one", tmp_path / "two"):
        inbox(place, late=True, corrected=MONTH, format=form)
        made.append({str(p.relative_to(place)): p.read_bytes() for p in place.rglob("*.*")})
    assert made[0] == made[1]


def test_a_month_without_rows_is_not_corrected(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match="no row is of 2031-01, which is to be corrected; the months"
    ):
        inbox(tmp_path, corrected="2031-01")
    assert not list(tmp_path.iterdir())


def test_files_that_differ_are_replaced_only_with_force(tmp_path: Path) -> None:
    inbox(tmp_path)
    changed = tmp_path / base(LOANS) / f"{MONTH}.csv"
    before = changed.read_bytes()
    changed.write_bytes(b"mine")
    with pytest.raises(BadInput, match=f"already has lms_loan_daily/{MONTH}.csv with other"):
        inbox(tmp_path)
    assert changed.read_bytes() == b"mine"
    inbox(tmp_path, force=True)
    assert changed.read_bytes() == before


@pytest.mark.parametrize("force", [False, True])
def test_an_inbox_and_the_four_files_do_not_share_a_folder(
    four: Path, tmp_path: Path, force: bool
) -> None:
    inbox(tmp_path / "inbox")
    with pytest.raises(BadInput, match="which a run would read together with the new files"):
        generate(tmp_path / "inbox", 60, 6, 3, force=force)
    with pytest.raises(BadInput, match=r"has feature_clickstream\.csv, features_attributes\.csv"):
        inbox(four, force=force)
    assert len([*four.iterdir()]) == 4

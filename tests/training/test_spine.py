"""A spine of the user's own: kept row for row, whatever form it came in, or refused in one line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.days import day_of
from lakehouse.errors import BadInput
from lakehouse.storage.folder import Folder
from lakehouse.training.spine import SpineReading, as_file, keep_spine, spine_file

SECRET = "CUS_SECRET"  # of a row, which no message may show
HEADER = "customer_id,application_date\n"
TAKEN = ("age", "attributes_snapshot_date")
DAY = date(2023, 7, 1)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The folder of spines; it does not exist before the first one."""
    return tmp_path / "spines"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def csv(tmp_path: Path, text: str | bytes, name: str = "spine.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def parquet(tmp_path: Path, name: str = "spine.parquet", **columns: Any) -> Path:
    customers: dict[str, Any] = {"customer_id": [SECRET, "CUS_0x2"], "application_date": [DAY] * 2}
    pq.write_table(pa.table({**customers, **columns}), tmp_path / name)
    return tmp_path / name


def rows(path: Path, kept: Path, work: Path, taken: Sequence[str] = TAKEN) -> list[dict[str, Any]]:
    """The stored rows of a spine."""
    file = kept / spine_file(keep_spine(path, Folder(kept), taken, work))
    assert [each for each in kept.rglob("*") if each.is_file()] == [file]
    return list(pq.read_table(file).to_pylist())


# Kept


def test_a_csv_and_a_parquet_file_are_kept_as_the_same_rows(
    tmp_path: Path, kept: Path, work: Path
) -> None:
    text = csv(tmp_path, HEADER + f"{SECRET},2023-07-01\nCUS_0x2,2023-07-01\n")
    expected = [
        {"customer_id": SECRET, "application_date": DAY},
        {"customer_id": "CUS_0x2", "application_date": DAY},
    ]
    assert rows(text, kept, work) == expected
    assert rows(parquet(tmp_path), tmp_path / "others", work) == expected


@pytest.mark.parametrize(
    "day",
    ["2023-07-01", "7/1/2023", "07/01/2023", "2023-07-01 23:59:59", " 2023-07-01 ", '"2023-07-01"'],
)
def test_a_day_may_be_written_as_in_the_raw_files(
    tmp_path: Path, kept: Path, work: Path, day: str
) -> None:
    text = f"{HEADER}CUS_0x1,{day}\nCUS_0x2,7/31/2023\n"
    row, _ = rows(csv(tmp_path, text), kept, work)
    assert row == {"customer_id": "CUS_0x1", "application_date": DAY}


@pytest.mark.parametrize("days", ["31/7/2023,1/7/2023", "1/7/2023,31/7/2023"])
def test_the_order_of_the_days_of_a_spine_is_decided_from_all_its_rows(
    tmp_path: Path, kept: Path, work: Path, days: str
) -> None:
    text = HEADER + "".join(f"CUS_0x1,{day}\n" for day in days.split(","))
    found = {row["application_date"] for row in rows(csv(tmp_path, text), kept, work)}
    assert found == {DAY, date(2023, 7, 31)}


def test_an_order_that_no_row_proves_is_asked_for(tmp_path: Path, kept: Path, work: Path) -> None:
    spine = csv(tmp_path, f"{HEADER}CUS_0x1,7/1/2023\n")
    assert "'7/1/2023' on row 1 may be" in refusal(spine, kept, work)
    names = set()
    for order, day in (("mdy", DAY), ("dmy", date(2023, 1, 7))):
        name = keep_spine(spine, Folder(kept), TAKEN, work, SpineReading(order))
        (row,) = pq.read_table(kept / spine_file(name)).to_pylist()
        assert row["application_date"] == day
        names.add(name)
    assert len(names) == 2


@pytest.mark.parametrize(
    ("text", "time_zone", "day"),
    [
        ("2023-07-01T07:30:00+08:00", "UTC", date(2023, 6, 30)),
        ("2023-07-01T07:30:00+08:00", "Asia/Singapore", DAY),
        ("2023-06-30 23:30Z", "Asia/Singapore", DAY),
        ("2023-06-30T20:00:00.123456789-0500", "UTC", DAY),
        ("2023-07-01T23:30", "Asia/Singapore", DAY),
        ("2023-07-01", "America/New_York", DAY),
    ],
)
def test_a_time_with_a_zone_is_on_the_day_of_the_bank(
    tmp_path: Path, kept: Path, work: Path, text: str, time_zone: str, day: date
) -> None:
    spine = csv(tmp_path, f"{HEADER}CUS_0x1,{text}\n")
    name = keep_spine(spine, Folder(kept), TAKEN, work, SpineReading(None, time_zone))
    (row,) = pq.read_table(kept / spine_file(name)).to_pylist()
    assert row["application_date"] == day == day_of(text, time_zone)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_day_may_be_a_timestamp(tmp_path: Path, kept: Path, work: Path, unit: str) -> None:
    times = pa.array([datetime(2023, 7, 1, 23)] * 2, pa.timestamp(unit))
    found = rows(parquet(tmp_path, application_date=times), kept, work)
    assert [row["application_date"] for row in found] == [DAY, DAY]


def test_extra_columns_repeated_rows_and_the_order_of_rows_stay(
    tmp_path: Path, kept: Path, work: Path
) -> None:
    lines = ["b,2023-07-01,x y,", 'a,2023-07-01,"1,5",é', "b,2023-07-01,x y,"]
    header = "customer_id,application_date,a`b,#"
    found = rows(csv(tmp_path, "\n".join([header, *lines]) + "\n"), kept, work)
    assert [tuple(row.values()) for row in found] == [
        ("b", DAY, "x y", None), ("a", DAY, "1,5", "é"), ("b", DAY, "x y", None),
    ]  # fmt: skip
    assert list(found[0]) == header.split(",")


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, 0], pa.int8()),
        pa.array([1, 0], pa.uint8()),
        pa.array([1, None], pa.int16()),
        pa.array([1, 0], pa.uint16()),
        pa.array([1, 0], pa.int32()),
        pa.array([1, 0], pa.uint32()),
        pa.array([1, None], pa.int64()),
        pa.array([0.5, None], pa.float32()),
        pa.array([0.1, float("inf")], pa.float64()),
        pa.array([True, None]),
        pa.array(["a", None]).dictionary_encode(),
        pa.array([DAY, None]),
        pa.array([datetime(2023, 7, 1, 5), None], pa.timestamp("ns")),
        pa.array([datetime(2023, 7, 1, 5), None], pa.timestamp("us")),
    ],
    ids=lambda values: str(values.type),
)
def test_columns_of_plain_types_keep_their_values(
    tmp_path: Path, kept: Path, work: Path, values: pa.Array
) -> None:
    found = rows(parquet(tmp_path, extra=values), kept, work)
    assert [row["extra"] for row in found] == values.to_pylist()


def test_numbers_of_customers_are_kept_as_text(tmp_path: Path, kept: Path, work: Path) -> None:
    found = rows(parquet(tmp_path, customer_id=[7, 8]), kept, work)
    assert [row["customer_id"] for row in found] == ["7", "8"]


@pytest.mark.parametrize(
    "text",
    [
        HEADER.replace("\n", "\r\n") + "CUS_0x1,2023-07-01\r\n",
        "\ufeff" + HEADER + "CUS_0x1,2023-07-01\n",
        HEADER + "CUS_0x1,2023-07-01",
        HEADER + "\nCUS_0x1,2023-07-01\n\n",
        HEADER + " CUS_0x1 ,2023-07-01\n",
    ],
    ids=["CRLF", "byte order mark", "no last line break", "blank lines", "blanks"],
)
def test_a_csv_of_any_make_is_read(tmp_path: Path, kept: Path, work: Path, text: str) -> None:
    (row,) = rows(csv(tmp_path, text), kept, work)
    assert row == {"customer_id": "CUS_0x1", "application_date": DAY}


@pytest.mark.parametrize("name", ["a.csv", "b.parquet"])
@pytest.mark.parametrize("folder", ["month=2023-05", "odd [1] * ' name"])
def test_the_path_of_a_spine_says_nothing_of_its_columns(
    tmp_path: Path, kept: Path, work: Path, folder: str, name: str
) -> None:
    place = tmp_path / folder
    place.mkdir()
    if name.endswith(".csv"):
        path = csv(place, HEADER + "CUS_0x1,2023-07-01\n", name)
    else:
        path = parquet(place, name)
    assert list(rows(path, kept, work)[0]) == ["customer_id", "application_date"]


def test_the_same_file_is_kept_once_by_its_fingerprint_and_a_changed_one_beside_it(
    tmp_path: Path, kept: Path, work: Path
) -> None:
    one, copy = (csv(tmp_path, HEADER + "a,2023-07-01\n", name) for name in ("a.csv", "b.csv"))
    other = csv(tmp_path, HEADER + "b,2023-07-01\n", "c.csv")
    first, again, changed = (
        keep_spine(each, Folder(kept), TAKEN, work) for each in (one, copy, other)
    )
    assert first == again != changed
    assert sorted(each.name for each in kept.rglob("*.parquet")) == sorted(
        [f"{first}.parquet", f"{changed}.parquet"]
    )


# Refused


def refusal(path: Path, kept: Path, work: Path) -> str:
    """The message of a refused spine; nothing of it is kept."""
    with pytest.raises(BadInput) as refused:
        keep_spine(path, Folder(kept), TAKEN, work)
    message = str(refused.value)
    assert "\n" not in message and SECRET not in message
    assert path.name in message
    assert not kept.exists()
    return message


def test_a_csv_with_semicolons_is_refused_with_the_sign_that_it_should_have(
    tmp_path: Path, kept: Path, work: Path
) -> None:
    told = refusal(csv(tmp_path, HEADER.replace(",", ";") + "CUS_0x1;2023-07-01\n"), kept, work)
    assert "with commas between its cells" in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column customer_id"),
        (f"{SECRET},2023-07-01\n{SECRET},2023-07-02\n", "no column customer_id"),
        (f"Customer_ID,application_date\n{SECRET},2023-07-01\n", "no column customer_id"),
        (f"customer_id;application_date\n{SECRET};2023-07-01\n", "no column customer_id"),
        (f"customer_id,day\n{SECRET},2023-07-01\n", "no column application_date"),
        (HEADER, "has no row"),
        (HEADER + f"a,2023-07-01\n{SECRET},2023-02-30\n", "1 of 2 rows have .* first .* row 2;"),
        (HEADER + f"a,2023-07-01\n{SECRET},\n{SECRET},x\n", "2 of 3 rows have .* first .* row 2;"),
        (HEADER + f"{SECRET},infinity\n", "the first of them row 1;"),
        (HEADER + f"{SECRET},20230-07-01\n", "the first of them row 1;"),
        (HEADER + f"{SECRET},31/12/2023\n{SECRET},12/31/2023\n", "'31/12/2023' on row 1 can only"),
        (HEADER + f"{SECRET},7/1/23\n", "'7/1/23' on row 1 has a year of two digits"),
        (HEADER + f"{SECRET},01-07-23\n", "the first of them row 1;"),
        (HEADER + f"{SECRET},0007-01-23\n", "the first of them row 1;"),
        (HEADER + f"{SECRET},1969-12-31\n", "the first of them row 1;"),
        (HEADER + "\u00a0,2023-07-01\nNULL,2023-07-01\n", "2 of 2 rows have no customer_id"),
        (HEADER + f"{SECRET},20230701\n", "the first of them row 1;"),
        (HEADER + f"{SECRET},2023-07-01\n  ,2023-07-01\n", "1 of 2 rows have no customer_id"),
        (HEADER + f'"",2023-07-01\n{SECRET},2023-07-01\n', "the first of them row 1;"),
        (HEADER + f"#VALUE!,2023-07-01\n{SECRET},2023-07-01\n", "1 of 2 rows have no customer_id"),
        (f"customer_id,application_date,age\n{SECRET},2023-07-01,5\n", "has a column age too"),
        (f"customer_id,application_date,AGE\n{SECRET},2023-07-01,5\n", "has a column AGE too"),
        (
            f"customer_id,application_date,Attributes_Snapshot_Date\n{SECRET},2023-07-01,5\n",
            "has a column Attributes_Snapshot_Date too; rename yours",
        ),
        (HEADER + f"{SECRET},2023-07-01,9\n{SECRET},2023-07-01,9\n", "as many cells in each row"),
        (HEADER + f"a,2023-07-01\n{SECRET},2023-07-01,9\n", "as many cells in each row"),
        (HEADER + f"a,2023-07-01\n{SECRET}\n", "as many cells in each row"),
        (HEADER + "a,2023-07-01\n" * 30_000 + f"{SECRET},1,2\n", "Line: 30002"),
        (HEADER + f'"{SECRET},2023-07-01\n{SECRET},2023-07-01\n', "cannot be read"),
        (f"report of {SECRET}\n{HEADER}{SECRET},2023-07-01\n", "cannot be read"),
        (HEADER + f"a,2023-07-01\n# of {SECRET}\nb,2023-07-01\n", "as many cells in each row"),
        ((HEADER + f"é{SECRET},2023-07-01\n").encode("latin-1"), "in UTF-8"),
        (bytes(range(256)) * 20, "cannot be read"),
    ],
    ids=lambda value: "" if isinstance(value, (str, bytes)) and len(value) > 60 else None,
)
def test_a_csv_that_is_no_spine_is_refused(
    tmp_path: Path, kept: Path, work: Path, text: str | bytes, words: str
) -> None:
    message = refusal(csv(tmp_path, text), kept, work)
    assert pd.Series([message]).str.contains(words).all(), message


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"extra": [[1], [2]]}, "column extra is of type BIGINT[]"),
        ({"extra": [{"a": 1}, {"a": 2}]}, "column extra is of type STRUCT"),
        ({"extra": [b"a", b"b"]}, "column extra is of type BLOB"),
        ({"customer_id": [[SECRET], ["b"]]}, "column customer_id is of type VARCHAR[]"),
        ({"customer_id": [None, "b"]}, "1 of 2 rows have no customer_id"),
        ({"application_date": [20230701, 20230701]}, "2 of 2 rows"),
        ({"application_date": [DAY, None]}, "the first of them row 2;"),
        (
            {"application_date": pa.array([datetime(2023, 7, 1)] * 2, pa.timestamp("us", "UTC"))},
            "column application_date is of type TIMESTAMP WITH TIME ZONE",
        ),
        ({"age": [1, 2]}, "has a column age too"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_parquet_file_that_is_no_spine_is_refused(
    tmp_path: Path, kept: Path, work: Path, columns: dict[str, Any], words: str
) -> None:
    assert words in refusal(parquet(tmp_path, **columns), kept, work)


def test_a_file_that_is_missing_a_folder_damaged_or_of_another_form_is_refused(
    tmp_path: Path, kept: Path, work: Path
) -> None:
    assert "No such file" in refusal(tmp_path / "missing.csv", kept, work)
    (tmp_path / "folder.csv").mkdir()
    assert "is a folder, not a file" in refusal(tmp_path / "folder.csv", kept, work)
    whole = parquet(tmp_path).read_bytes()
    assert "cannot be read" in refusal(csv(tmp_path, whole[:-9], "cut.parquet"), kept, work)
    assert "cannot be read" in refusal(csv(tmp_path, SECRET, "text.parquet"), kept, work)
    excel = refusal(csv(tmp_path, HEADER, "spine.xlsx"), kept, work)
    assert "neither .csv nor .parquet" in excel


# A DataFrame


def test_a_pandas_dataframe_is_a_spine(kept: Path, work: Path) -> None:
    frame = pd.DataFrame(
        {
            "customer_id": ["b", "a", "b"],
            "application_date": pd.to_datetime(["2023-07-01", "2023-07-02", "2023-07-01"]),
            "kind": pd.Categorical(["x", "y", "x"]),
        },
        index=[7, 7, 9],
    )
    with as_file(frame) as file:
        assert file is not None
        found = rows(file, kept, work)
    assert not file.exists()
    assert [tuple(row.values()) for row in found] == [
        ("b", DAY, "x"), ("a", date(2023, 7, 2), "y"), ("b", DAY, "x"),
    ]  # fmt: skip


def test_a_path_is_taken_as_it_is_and_none_is_no_spine(tmp_path: Path) -> None:
    with as_file(str(tmp_path / "a.csv")) as file, as_file(None) as none:
        assert (file, none) == (tmp_path / "a.csv", None)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame({"customer_id": [SECRET, 5]}), "a column of mixed types"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two of one name"),
        ([{"customer_id": SECRET}], "a file or a pandas DataFrame, not a list"),
    ],
    ids=["mixed", "two of one name", "list"],
)
def test_what_is_no_plain_dataframe_is_refused(frame: Any, words: str) -> None:
    with pytest.raises(BadInput, match=words) as refused, as_file(frame):
        pass
    assert SECRET not in str(refused.value)

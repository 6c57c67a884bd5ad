"""A person is erased by each source's own key, whatever its name; neighbours stay as they were."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.catalog import Catalog
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from lakehouse.table import Table
from lakehouse.upkeep.erase import Erased, erase
from tests.on_spark import OnSpark
from tests.upkeep.other_bank import (
    CRM,
    DESK,
    OURS,
    TILL,
    catalog,
    command,
    deliver,
    without_entity,
)

PERSON, NAME, NUMBER = "B-17", "Zanetta Quill", "123-45-6789"
TOLD = re.compile(rf"(?<!X){PERSON}(?![0-9])|{NAME}|{NUMBER}")
NEIGHBOURS = {"B-170": "Other One", "B-1": "Other Two", "XB-17": "Other Three"}


def rows_of(table: Table, months: tuple[str, ...], visits: str) -> list[str]:
    people = {PERSON: (NAME, NUMBER)}
    people |= {id_: (name, f"9{i}3-45-6789") for i, (id_, name) in enumerate(NEIGHBOURS.items())}
    more = f"{visits}," if table is CRM else ""
    return [
        f"{id_},{name},{number},{more}{month}-05"
        for month in months
        for id_, (name, number) in people.items()
    ]


def build(root: Path, *words: str) -> None:
    """Two releases, the second with a correction and a month more; rows of the person in quarantine."""
    for months, visits in ((("2023-01",), "1"), (("2023-01", "2023-02"), "2")):
        for table in (CRM, DESK, TILL):
            deliver(root / "data", table, *rows_of(table, months, visits))
        with (root / "data" / "desk.csv").open("a", encoding="utf-8") as lines:
            lines.write(f'\u00a0{PERSON}\u2003,"{NAME},{NUMBER},2023-01-07\n')
        assert command(root, "run", "--max-bad", "0.5", *words) == 0


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("other")
    build(root)
    return root


@pytest.fixture
def root(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "bank"))


def erased(root: Path, customer: str = PERSON, given: Catalog | None = None) -> Erased:
    datamart = Datamart.at(root / "datamart", given or catalog())
    return erase(datamart, root / "data", customer, exact=True)


def content(root: Path) -> dict[str, list[str]]:
    log, found = Log(str(root / "datamart")), {}
    for table in catalog().data:
        for version in range((log.version(table) or 0) + 1):
            rows = sorted(map(repr, log.read(table, version)))
            found[f"{table.full_name} {version}"] = rows
    return found


def holders(root: Path) -> set[str]:
    """Files with the person's id, name or number in their bytes or values."""

    def text(file: Path) -> str:
        values = (
            pq.read_table(file, partitioning=None) if file.suffix == ".parquet" else pa.table({})
        )
        return file.read_bytes().decode(errors="replace") + repr(values.to_pylist())

    files = (file for file in (root / "datamart").rglob("*") if file.is_file())
    return {file.relative_to(root).as_posix() for file in files if TOLD.search(text(file))}


def check_erased_and_neighbours_stay(root: Path) -> None:
    before = content(root)
    assert len({Path(file).parts[1:3] for file in holders(root)}) == len(OURS) + 1

    erased(root)

    left = {name: [r for r in rows if not TOLD.search(r)] for name, rows in before.items()}
    assert content(root) == left != before
    assert holders(root) == set()
    assert all(any(id_ in row for rows in left.values() for row in rows) for id_ in NEIGHBOURS)


def test_a_person_leaves_each_table_whatever_its_key_is_called(root: Path) -> None:
    check_erased_and_neighbours_stay(root)


@pytest.mark.spark
def test_a_person_leaves_tables_that_spark_wrote(on_spark: OnSpark, tmp_path: Path) -> None:
    on_spark(build, tmp_path, "--engine", "spark")
    check_erased_and_neighbours_stay(tmp_path)


# The catalog


@pytest.mark.parametrize("words", [["run"], ["erase", "--customer", PERSON, "--yes"], ["status"]])
def test_a_source_with_personal_columns_and_no_entity_is_refused(
    root: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    before = content(root)

    assert command(root, *words, given=catalog(CRM, without_entity(DESK))) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert "source desk has personal columns (Full_Name, Tax_No) and declares no entity" in line
    assert content(root) == before


def test_an_entity_that_is_no_column_is_refused(tmp_path: Path) -> None:
    assert CRM.source
    wrong = replace(CRM, source=replace(CRM.source, entity="custno"))
    with pytest.raises(BadInput, match="declares the entity 'custno', which it lacks"):
        Datamart.at(tmp_path, catalog(wrong))


# A person who is still there


def left_in(root: Path) -> str:
    with pytest.raises(LakehouseError, match="the person is still there") as error:
        erased(root)
    assert not isinstance(error.value, BadInput)
    return str(error.value)


def set_aside(root: Path) -> str:
    file = root / "datamart" / "_damaged" / "bronze.crm-1" / "part-1.parquet"
    file.parent.mkdir(parents=True)
    pq.write_table(pa.table({"anything": ["x", f" {PERSON} ", None, PERSON]}), file)
    return "_damaged/bronze.crm-1/part-1.parquet, column anything: 2 cells"


def unknown_table(root: Path) -> str:
    file = root / "datamart" / "gold" / "old" / "part-1.parquet"
    file.parent.mkdir(parents=True)
    nested = pa.array([[{"k": "a", "v": None}], [{"k": "a", "v": PERSON}]])
    pq.write_table(pa.table({"nested": nested}), file)
    return "gold/old/part-1.parquet, column v: 1 cell"


def mentioned_by_another(root: Path) -> str:
    """A customer was referred by the person."""
    (file,) = (root / "datamart/bronze/desk/month=2023-02").glob("*.parquet")
    rows = pq.read_table(file, partitioning=None)
    ids = rows["BorrowerId"].to_pylist()
    cells = [f"sent by {PERSON}" if id_ == "B-1" else "Somebody" for id_ in ids]
    at = rows.schema.get_field_index("Full_Name")
    pq.write_table(rows.set_column(at, "Full_Name", pa.array(cells)), file)
    return "column Full_Name: 1 cell"


def note_in_a_log(root: Path) -> str:
    (root / "datamart/bronze/desk/_delta_log/mine.json").write_text(
        json.dumps({"predicate": f"BorrowerId = '{PERSON}'"})
    )
    return "bronze/desk/_delta_log/mine.json, its lines: 1 cell"


def unreadable_file(root: Path) -> str:
    file = root / "datamart" / "_damaged" / "part-1.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"torn")
    return "_damaged/part-1.parquet cannot be read"


def a_folder_by_the_id(root: Path) -> str:
    folder = root / "datamart" / "gold" / "old" / f"cust={PERSON}"
    folder.mkdir(parents=True)
    (folder / "part-1.txt").touch()
    return "its name: 1 cell"


@pytest.mark.parametrize(
    "leave",
    [
        set_aside,
        unknown_table,
        mentioned_by_another,
        note_in_a_log,
        unreadable_file,
        a_folder_by_the_id,
    ],
)
def test_what_no_declaration_gives_to_the_person_is_told_with_file_column_and_count(
    root: Path, leave: Callable[[Path], str]
) -> None:
    told = leave(root)
    assert told in left_in(root)
    # Also where the rows of the person are gone already.
    assert told in left_in(root)


def test_the_command_never_says_erased_while_a_cell_is_left(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_aside(root)
    assert command(root, "erase", "--customer", PERSON, "--yes", "--exact") == 1
    told = capsys.readouterr()
    assert "Erased" not in told.out and told.err.count("\n") == 1
    shutil.rmtree(root / "datamart" / "_damaged")
    assert command(root, "erase", "--customer", PERSON, "--yes", "--exact") == 2
    assert "has no row of that customer" in capsys.readouterr().err


def test_files_of_an_older_declaration_lose_the_person_under_the_older_key(root: Path) -> None:
    for file in (root / "datamart/bronze/till").glob("month=*/*.parquet"):
        rows = pq.read_table(file, partitioning=None)
        names = ["Client" if name == "Customer ID" else name for name in rows.column_names]
        pq.write_table(rows.rename_columns(names), file)

    assert erased(root).row_counts["bronze.till"] == 2
    assert holders(root) == set()


# Ids that are only numbers


@pytest.fixture
def numbered(tmp_path: Path) -> Path:
    """Customers 12 and 123; 12 and 1.12 are also numbers of visits."""
    deliver(
        tmp_path / "data",
        CRM,
        f"12,{NAME},{NUMBER},3,2023-01-12",
        "123,Other One,223-45-6789,12,2023-01-12",
        "1,Other Two,323-45-6789,1.12,2023-01-12",
        "112,Other Three,523-45-6789,7",
        "12,,,,",
    )
    assert command(tmp_path, "run", "--max-bad", "0.5", given=catalog(CRM)) == 0
    return tmp_path


def test_a_number_is_not_the_person_where_a_cell_only_equals_it(numbered: Path) -> None:
    done = erased(numbered, "12", given=catalog(CRM))

    log = Log(str(numbered / "datamart"))
    assert sorted(row["cust_no"] for row in log.read(CRM)) == ["1", "123"]
    (kept,) = log.read(catalog().table("bronze.quarantine"))
    assert kept["raw_text"].startswith("112,")
    (note,) = (each for each in done.notes if "equal the id" in each)
    assert "column Visits: 1 cell equal" in note


# Rows in one place only


def test_a_person_only_in_quarantine_is_erased(root: Path) -> None:
    with (root / "data" / "desk.csv").open("a", encoding="utf-8") as lines:
        lines.write("B-99;only a word,\u00a0B-99\u200b\n")
    assert command(root, "run", "--max-bad", "0.5") == 0

    assert erased(root, "B-99").row_counts == {"bronze.quarantine": 1}


def test_a_person_only_in_an_older_version_is_erased(root: Path) -> None:
    for table in (CRM, DESK, TILL):
        kept = [row for row in rows_of(table, ("2023-01", "2023-02"), "2") if NAME not in row]
        deliver(root / "data", table, *kept)
    assert command(root, "run", "--allow-shrink") == 0

    done = erased(root)

    assert set(done.row_counts) <= {"bronze.quarantine"} and done.files > 5
    assert holders(root) == set()


def test_an_id_in_another_case_in_a_quarantined_row_is_near(root: Path) -> None:
    with (root / "data" / "desk.csv").open("a", encoding="utf-8") as lines:
        lines.write("b-017;only a word\n")
    assert command(root, "run", "--max-bad", "0.5") == 0
    datamart = Datamart.at(root / "datamart", catalog())

    with pytest.raises(BadInput, match="also has b-017, which may be the same person"):
        erase(datamart, root / "data", PERSON)

"""A flipped bit in a data file reaches no reader, no new file and no later table."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from lakehouse.errors import LakehouseError
from lakehouse.months import shift
from lakehouse.releases import published
from lakehouse.run.plan import Request
from lakehouse.storage import folder
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.datamart import Datamart
from lakehouse.training.lookup import Lookup, Wanted
from lakehouse.training.receipts import receipts
from lakehouse.upkeep.erase import erase
from tests.bank import CATALOG, CORRECTED, SOME, Bank
from tests.run.test_laws import (
    CHAIN,
    MONTHS,
    all_rows,
    click,
    deliver,
    run_on,
    tables_of,
)

BRONZE, SILVER, GOLD = (
    CHAIN.table(name) for name in ("bronze.clickstream", "silver.clickstream", "gold.windows")
)
ATTRIBUTES = CATALOG.table("gold.features_attributes")


def flip(file: Path, column: str) -> None:
    """Flip one bit among the values of a column; the file can still be opened."""
    group = pq.read_metadata(file).row_group(0)
    chunk = next(group.column(n) for n in range(group.num_columns) if _name(group, n) == column)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    content = bytearray(file.read_bytes())
    content[start + chunk.total_compressed_size - 2] ^= 1
    file.write_bytes(content)
    assert pq.read_metadata(file).num_rows


def _name(group: Any, number: int) -> str:
    return str(group.column(number).path_in_schema)


def data_file(root: Path, table: Any, month: str) -> Path:
    log = Datamart.at(root / "datamart", CHAIN).log
    (file,) = (file for file in log.files(table) if month in file)
    return log.folder(table) / file


# Readers


@pytest.fixture
def bank(pristine: Bank, tmp_path: Path) -> Bank:
    return pristine.copied(tmp_path / "bank")


def damage(bank: Bank, month: str = "") -> str:
    """Flip a bit in a file of a feature group that the newest release reads, and return its name."""
    newest = published.newest(bank.log).versions[ATTRIBUTES.full_name]
    file = max(file for file in bank.log.files(ATTRIBUTES, newest) if month in file)
    flip(bank.log.folder(ATTRIBUTES) / file, "age")
    return file


def test_a_training_set_refuses_a_file_with_a_flipped_bit_and_keeps_nothing(
    bank: Bank, tmp_path: Path
) -> None:
    made = bank.build(CORRECTED, features=SOME)
    kept = receipts(bank.log)
    file, out = damage(bank), tmp_path / "train.parquet"
    for build in (
        lambda: bank.build(CORRECTED, out, features=SOME),
        lambda: bank.reproduce(made, out),
        lambda: bank.build(CORRECTED, out, features=SOME, known="then"),
    ):
        with pytest.raises(LakehouseError) as error:
            build()
        said = str(error.value)
        assert (
            f"{ATTRIBUTES.full_name} is damaged: {file} has other bytes than when release" in said
        )
        assert "doctor --deep tells more, run --repair repairs it" in said
    assert receipts(bank.log) == kept and not out.exists()


def test_a_lookup_refuses_only_the_months_with_a_flipped_bit(bank: Bank) -> None:
    version = published.newest(bank.log).versions[ATTRIBUTES.full_name]
    first, *_, last = sorted(bank.log.rows_by_month(ATTRIBUTES, version))
    damage(bank, last)
    lookup = Lookup(Datamart.at(bank.datamart, CATALOG))
    customers = bank.arrow(ATTRIBUTES.full_name, CORRECTED).column("customer_id").to_pylist()

    def unknown_ages(month: str) -> int:
        day = date.fromisoformat(f"{shift(month, 1)}-28")
        return lookup.find(Wanted(customers, day, features=("age",)), None)["age"].null_count

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lakehouse.training.lookup.CELLS_A_SPAN", 1)
        assert unknown_ages(first) < len(customers)
        with pytest.raises(LakehouseError, match="has other bytes than when release"):
            unknown_ages(last)


def test_a_compaction_joins_no_file_with_a_flipped_bit(bank: Bank) -> None:
    damage(bank)
    version = bank.log.version(ATTRIBUTES)
    with pytest.raises(LakehouseError, match="has other bytes than when release"):
        bank.store.compact(ATTRIBUTES, CommitNote("run"))
    assert bank.log.version(ATTRIBUTES) == version


def test_a_data_file_is_read_once_per_process_for_its_checksum(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    sha256 = folder.fingerprint
    monkeypatch.setattr(folder, "fingerprint", lambda path: (read.append(path), sha256(path))[1])
    for _ in range(2):
        bank.prepared(CORRECTED, features=SOME)
    assert read and len(read) == len(set(read))


def test_an_erasure_gives_a_file_with_a_flipped_bit_no_new_checksum(bank: Bank) -> None:
    file = damage(bank)
    rows = pq.read_table(bank.log.folder(ATTRIBUTES) / file, partitioning=None)
    erase(Datamart.at(bank.datamart, CATALOG), bank.data, rows["customer_id"][0].as_py())
    with pytest.raises(LakehouseError, match=f"{file} has other bytes than when release"):
        bank.prepared(CORRECTED, features=SOME)


# Runs


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("built")
    deliver(root / "data", all_rows())
    run_on(CHAIN, root)
    return root


@pytest.fixture
def root(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "world"))


def corrected() -> list[str]:
    """All rows, and another number of the first row."""
    first, *rest = all_rows()
    return [f"77,{first.split(',', 1)[1]}", *rest]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "column"), [(BRONZE, "fe_20"), (SILVER, "fe_1"), (GOLD, "clicks")]
)
def test_a_flipped_bit_stops_the_run_that_would_write_it_again_and_repair_mends_it(
    table: Any, column: str, root: Path, tmp_path: Path
) -> None:
    month = all_rows()[0].rsplit(",", 1)[1][:7]
    flip(data_file(root, table, month), column)
    deliver(root / "data", corrected())
    before = Datamart.at(root / "datamart", CHAIN).log.version(table)

    with pytest.raises(LakehouseError, match=rf"{table.full_name} is damaged.*run --repair"):
        run_on(CHAIN, root)

    log = Datamart.at(root / "datamart", CHAIN).log
    assert len(published.releases(log)) == 1
    assert table is SILVER or log.version(table) == before
    run_on(CHAIN, root, request=Request(repair=True))
    undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    deliver(undisturbed / "data", corrected())
    run_on(CHAIN, undisturbed)
    assert tables_of(root) == tables_of(undisturbed)


@pytest.mark.slow
def test_a_flipped_bit_in_a_month_that_nothing_reads_stops_no_run(root: Path) -> None:
    flip(data_file(root, BRONZE, MONTHS[-1]), "fe_20")
    deliver(root / "data", corrected())
    assert run_on(CHAIN, root).published == [2]


def lose(file: Path) -> None:
    file.unlink()


def cut(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size - 1)


@pytest.mark.slow
@pytest.mark.parametrize("damage", [lose, cut])
def test_a_run_tells_of_a_lost_file_that_it_does_not_read(
    damage: Callable[[Path], None], root: Path
) -> None:
    file = data_file(root, GOLD, MONTHS[-1])
    damage(file)
    deliver(root / "data", [*all_rows(), click("CUS_0x7", MONTHS[0] + "-01", 3)])
    (told,) = (note for note in run_on(CHAIN, root).notes if "gone or cut off" in note)
    assert GOLD.full_name in told and file.name in told and "run --repair" in told
    repaired = run_on(CHAIN, root, request=Request(repair=True))
    assert not any("gone or cut off" in note for note in repaired.notes)

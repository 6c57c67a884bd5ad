"""The ledger is the last thing to lose: whatever happens to one of its tables, its rows are put back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse import Lakehouse
from lakehouse.cli import main
from lakehouse.errors import LakehouseError
from lakehouse.ledger.erasures import TABLE as ERASURES
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.ledger.training_sets import TABLE as TRAINING_SETS
from lakehouse.releases import ledger_rows, published
from lakehouse.releases.readable import check_readable
from lakehouse.storage.commit_file import commit_files
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.layout import LEDGER_COPIES
from lakehouse.table import ROW_HASH, Table
from lakehouse.training.build import reproduce
from lakehouse.training.receipts import receipts
from lakehouse.upkeep.verify import examine_tables
from tests.bank import CATALOG, Bank

pytestmark = pytest.mark.slow

LEDGER = [RELEASES, TRAINING_SETS, ERASURES]
NAMES = [table.name for table in LEDGER]
Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def original(pristine: Bank, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """Four releases, three receipts and three erasures; copy it."""
    bank = pristine.copied(tmp_path_factory.mktemp("ledger") / "bank")
    bank.build(2, features=["age"])
    bank.build(3, features=["age"])
    for name in ("a", "b", "c"):
        moment = datetime(2026, 1, 1, tzinfo=timezone.utc)
        row = {"erasure_id": name, "erased_at": moment, "row_counts": {"gold.label_store": 1}}
        row |= {"files": 2, "training_sets": ["ts-1"]}
        ledger_rows.insert(bank.log, ERASURES, row, CommitNote(erasure_id=name))
    return bank


@pytest.fixture
def bank(original: Bank, tmp_path: Path) -> Bank:
    """A copy of that bank, whose ledger is to be damaged."""
    return original.copied(tmp_path / "bank")


def held(bank: Bank) -> dict[str, list[dict[str, Any]]]:
    """Every row of the ledger, in the order of its keys."""
    return {
        table.name: sorted(ledger_rows.rows(bank.log, table), key=lambda row: row[table.keys[0]])
        for table in LEDGER
    }


def remedies(bank: Bank) -> dict[str, str]:
    """The remedies that doctor --deep names, by table."""
    findings = examine_tables(Datamart.at(bank.datamart, CATALOG))
    return {each.subject: each.remedy for each in findings if each.state != "ok"}


def follow(bank: Bank, remedy: str) -> int:
    """Do what a remedy says; it asks nothing as long as it gives nothing up."""
    command = ["run", "--repair"] if "run --repair" in remedy else ["run"]
    return main([*command, "--data", str(bank.data), "--datamart", str(bank.datamart)])


# Lost, torn and flipped


def lose_the_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def lose_the_log(folder: Path) -> None:
    shutil.rmtree(folder / "_delta_log")


def newest(folder: Path, count: int) -> list[Path]:
    return [commit.path for commit in commit_files(folder)[-count:]]


def lose_commits(count: int) -> Damage:
    def damage(folder: Path) -> None:
        for file in newest(folder, count):
            file.unlink()

    return damage


def empty_commits(count: int) -> Damage:
    def damage(folder: Path) -> None:
        for file in newest(folder, count):
            file.write_bytes(b"")

    return damage


def tear_commits(count: int) -> Damage:
    def damage(folder: Path) -> None:
        for file in newest(folder, count):
            file.write_bytes(file.read_bytes()[:-40])

    return damage


def garble_commits(count: int) -> Damage:
    def damage(folder: Path) -> None:
        for file in newest(folder, count):
            file.write_bytes(bytes(byte ^ 0x5A for byte in file.read_bytes()))

    return damage


def lose_a_middle_commit(folder: Path) -> None:
    newest(folder, 2)[0].unlink()


def lose_a_file(folder: Path) -> None:
    sorted(folder.glob("*.parquet"))[0].unlink()


def lose_all_files(folder: Path) -> None:
    for file in folder.glob("*.parquet"):
        file.unlink()


def flip_every_byte(folder: Path) -> None:
    """Each data file has other bytes in its first half, of the same number."""
    for file in folder.glob("*.parquet"):
        content = bytearray(file.read_bytes())
        for at in range(4, len(content) // 2, 7):
            content[at] ^= 0x55
        file.write_bytes(content)


DAMAGES = {
    "folder": lose_the_folder,
    "log": lose_the_log,
    **{f"{n} newest commits lost": lose_commits(n) for n in (1, 2, 3)},
    **{f"{n} newest commits empty": empty_commits(n) for n in (1, 2, 3)},
    **{f"{n} newest commits cut off": tear_commits(n) for n in (1, 2, 3)},
    **{f"{n} newest commits garbled": garble_commits(n) for n in (1, 2, 3)},
    "a commit in the middle": lose_a_middle_commit,
    "a data file": lose_a_file,
    "all data files": lose_all_files,
    "data files flipped": flip_every_byte,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("table", LEDGER, ids=NAMES)
def test_what_doctor_names_puts_every_row_of_a_damaged_ledger_back(
    table: Table, damage: Damage, bank: Bank
) -> None:
    before = held(bank)
    damage(bank.datamart / table.path)

    told = remedies(bank)
    assert list(told) == [table.full_name]
    assert follow(bank, told[table.full_name]) == 0

    assert held(bank) == before
    assert remedies(bank) == {}
    for release in published.releases(bank.log):
        check_readable(bank.log, release.pins, CATALOG.data)


# Edited by another program


def delta(bank: Bank, table: Table) -> DeltaTable:
    return DeltaTable(bank.datamart / table.path)


def arrow(bank: Bank, table: Table) -> pa.Table:
    return pa.table(delta(bank, table).to_pyarrow_table())


def overwrite(bank: Bank, table: Table, rows: list[dict[str, Any]]) -> None:
    """Another program writes all rows; their hashes stay as they were."""
    written = pa.Table.from_pylist(rows, arrow(bank, table).schema)
    write_deltalake(delta(bank, table), written, mode="overwrite")


def altered(cell: Any) -> Any:
    """Another value of the same type."""
    if isinstance(cell, bool) or cell is None:
        return datetime(2026, 5, 5, tzinfo=timezone.utc)
    if isinstance(cell, int):
        return cell + 1
    if isinstance(cell, str):
        return f"{cell}7"
    if isinstance(cell, datetime):
        return cell.replace(year=cell.year - 1)
    if cell and isinstance(cell[0], tuple):
        (key, value), *more = cell
        return [(key, altered(value)), *more]
    return [altered(each) for each in cell] or ["2023-01"]


CELLS = [(table, column) for table in LEDGER for column in table.columns if column != ROW_HASH]


@pytest.mark.parametrize(("table", "column"), CELLS, ids=[f"{t.name}.{c}" for t, c in CELLS])
def test_any_cell_that_another_program_changed_is_seen(
    table: Table, column: str, bank: Bank
) -> None:
    rows = arrow(bank, table).to_pylist()
    empty_map = table is TRAINING_SETS and column == "unknown_then"
    rows[1][column] = [("no_release", 1)] if empty_map else altered(rows[1][column])
    overwrite(bank, table, rows)
    with pytest.raises(LakehouseError, match=rf"{table.full_name}.* run --repair puts it right"):
        ledger_rows.rows(bank.log, table)


def pin_another_version(bank: Bank) -> None:
    rows = sorted(arrow(bank, RELEASES).to_pylist(), key=lambda row: row["release"])
    rows[1]["versions"] = rows[0]["versions"]
    overwrite(bank, RELEASES, rows)


def pin_another_version_without_a_hash(bank: Bank) -> None:
    rows = sorted(arrow(bank, RELEASES).to_pylist(), key=lambda row: row["release"])
    rows[1] |= {"versions": rows[0]["versions"], ROW_HASH: None}
    overwrite(bank, RELEASES, rows)


def remove_one(bank: Bank) -> None:
    delta(bank, RELEASES).delete("release = 2")


def remove_the_newest(bank: Bank) -> None:
    delta(bank, RELEASES).delete("release = 4")


def double_one(bank: Bank) -> None:
    rows = arrow(bank, RELEASES).to_pylist()
    write_deltalake(
        delta(bank, RELEASES),
        pa.Table.from_pylist(rows[:1], arrow(bank, RELEASES).schema),
        mode="append",
    )


def update_a_number(bank: Bank) -> None:
    delta(bank, RELEASES).update(updates={"through": "'2023-01'"}, predicate="release = 3")


def add_one(bank: Bank) -> None:
    rows = arrow(bank, RELEASES).to_pylist()
    row = max(rows, key=lambda row: row["release"]) | {"release": 5, ROW_HASH: None}
    write_deltalake(
        delta(bank, RELEASES),
        pa.Table.from_pylist([row], arrow(bank, RELEASES).schema),
        mode="append",
    )


EDITS = {
    pin_another_version: "release 2 of ledger.releases has other cells than when it was written",
    pin_another_version_without_a_hash: "release 2 of ledger.releases was not written by this program",
    remove_one: "ledger.releases lacks release 2",
    remove_the_newest: "ledger.releases lacks release 4",
    double_one: "ledger.releases has release . 2 times",
    update_a_number: "release 3 of ledger.releases has other cells than when it was written",
    add_one: "release 5 of ledger.releases was not written by this program",
}


@pytest.mark.parametrize(("edit", "says"), EDITS.items(), ids=[edit.__name__ for edit in EDITS])
def test_readers_and_doctor_see_an_edited_ledger_and_repair_puts_it_right(
    edit: Callable[[Bank], None], says: str, bank: Bank, capsys: pytest.CaptureFixture[str]
) -> None:
    before, lake = held(bank), Lakehouse(bank.datamart)
    edit(bank)

    for read in (lambda: lake.at(release=1), lambda: lake.at(month="2023-10"), lake.releases):
        with pytest.raises(LakehouseError, match=f"{says}: another program wrote there"):
            read()
    with pytest.raises(LakehouseError, match=says):
        bank.build(1, features=["age"])
    assert main(["run", "--data", str(bank.data), "--datamart", str(bank.datamart)]) == 1
    assert "run --repair puts it right" in capsys.readouterr().err
    main(["doctor", "--data", str(bank.data), "--datamart", str(bank.datamart), "--json"])
    assert "python main.py run --repair puts every row back" in capsys.readouterr().out

    assert follow(bank, remedies(bank)[RELEASES.full_name]) == 0

    assert held(bank) == before
    assert remedies(bank) == {}


def test_training_sets_come_out_the_same_after_the_whole_ledger_was_lost(bank: Bank) -> None:
    before, made = held(bank), receipts(bank.log)
    for table in LEDGER:
        lose_the_folder(bank.datamart / table.path)

    assert follow(bank, remedies(bank)[RELEASES.full_name]) == 0

    assert held(bank) == before
    assert [reproduce(bank.store, each.training_set_id) for each in made] == made


def test_copies_that_were_set_back_take_no_mark_of_a_vacuum_away(
    bank: Bank, tmp_path: Path
) -> None:
    copies = bank.datamart / LEDGER_COPIES
    shutil.copytree(copies, tmp_path / "copies")
    marked = {
        **held(bank)[RELEASES.name][0],
        "given_up_at": datetime(2024, 5, 1, tzinfo=timezone.utc),
    }
    ledger_rows.put(bank.log, RELEASES, [marked], CommitNote(run_id="vacuum"))
    before = held(bank)
    shutil.rmtree(copies)
    shutil.copytree(tmp_path / "copies", copies)
    remove_one(bank)

    assert follow(bank, remedies(bank)[RELEASES.full_name]) == 0

    assert held(bank) == before


# Without copies


def test_without_copies_the_rows_come_from_data_files_and_other_rows_are_named_first(
    bank: Bank, capsys: pytest.CaptureFixture[str]
) -> None:
    before = held(bank)
    shutil.rmtree(bank.datamart / LEDGER_COPIES)
    remove_one(bank)
    lose_the_log(bank.datamart / TRAINING_SETS.path)
    assert follow(bank, remedies(bank)[RELEASES.full_name]) == 0
    assert held(bank) == before

    shutil.rmtree(bank.datamart / LEDGER_COPIES)
    lose_a_file(bank.datamart / TRAINING_SETS.path)
    remedy = remedies(bank)[TRAINING_SETS.full_name]
    assert "run --repair keeps the rest without 3 rows of ledger.training_sets" in remedy
    command = ["run", "--repair", "--data", str(bank.data), "--datamart", str(bank.datamart)]
    assert main(command) == 2
    assert "would give up 3 rows of ledger.training_sets and cannot ask" in capsys.readouterr().err
    assert main([*command, "--yes"]) == 0
    assert held(bank) == {**before, TRAINING_SETS.name: []}


def test_without_copies_and_rows_releases_are_rebuilt_from_the_notes_in_the_tables(
    bank: Bank, capsys: pytest.CaptureFixture[str]
) -> None:
    before = published.releases(bank.log)
    shutil.rmtree(bank.datamart / LEDGER_COPIES)
    lose_the_folder(bank.datamart / RELEASES.path)

    assert follow(bank, remedies(bank)[RELEASES.full_name]) == 0

    assert "release 1, release 2, release 3, release 4 rebuilt from the" in capsys.readouterr().err
    again = published.releases(bank.log)[: len(before)]
    same = ("number", "run_id", "months", "through", "versions", "commits", "row_counts", "code")
    for name in (*same, "engine"):
        assert [getattr(r, name) for r in again] == [getattr(r, name) for r in before], name
    for each in receipts(bank.log):
        assert reproduce(bank.store, each.training_set_id) == each

"""Laws of the ledger's rows: any rows, in any order of writing, survive any loss; any other cell is seen."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.catalog import load
from lakehouse.ledger.erasures import TABLE
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.releases.ledger_copies import copies
from lakehouse.releases.ledger_rows import insert, put, rows
from lakehouse.releases.row_hash import as_json, from_json, is_sound, row_hash, stamped
from lakehouse.storage.commit_file import commit_files
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.layout import LEDGER_COPIES
from lakehouse.table import ROW_HASH
from lakehouse.upkeep.mend_ledger import mend_ledger

Row = dict[str, Any]
NOTE = CommitNote(erasure_id="any")
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(timezone.utc))
# The time of an erasure may fall into any microsecond; its maps and lists may be empty.
cells = st.fixed_dictionaries({
    "erased_at": moments,
    "row_counts": st.dictionaries(texts, st.integers(0, 2**62), max_size=3),
    "files": st.integers(0, 2**62),
    "training_sets": st.lists(texts, max_size=3),
})  # fmt: skip
keys = st.sampled_from(["a", "b", "c", "d"])


@given(cells, keys)
def test_a_row_read_back_from_its_copy_is_the_same(drawn: Row, key: str) -> None:
    row = stamped({"erasure_id": key, **drawn})
    again = from_json(TABLE, as_json(row))
    assert again == row and is_sound(again)


@given(cells, cells, keys)
def test_two_rows_have_one_hash_only_if_they_have_the_same_cells(
    one: Row, other: Row, key: str
) -> None:
    hashes = [row_hash({"erasure_id": key, **drawn}) for drawn in (one, other)]
    assert (hashes[0] == hashes[1]) == (one == other)


def a_row(key: str) -> Row:
    moment = datetime(2024, 5, 1, tzinfo=timezone.utc)
    lists: Row = {"row_counts": {}, "training_sets": []}
    return {"erasure_id": key, "erased_at": moment, "files": 1, **lists}


def test_rows_whose_copies_were_lost_are_copied_with_the_next_row() -> None:
    with ledger() as datamart:
        for key in ("a", "b"):
            insert(datamart.log, TABLE, a_row(key), NOTE)
            if key == "a":
                shutil.rmtree(datamart.place.on_this_machine() / LEDGER_COPIES)
        assert copies(datamart.log, TABLE).keys() == {"a", "b"}


@pytest.mark.parametrize("name", ["._a.json", ".a.json", "a (1).json", "a.json.part", "a b.json"])
def test_a_file_beside_the_copies_that_is_none_takes_no_part(name: str) -> None:
    with ledger() as datamart:
        insert(datamart.log, TABLE, a_row("a"), NOTE)
        (datamart.place.on_this_machine() / LEDGER_COPIES / TABLE.name / name).touch()
        assert len(rows(datamart.log, TABLE)) == 1
        assert mend_ledger(datamart, "run-1", nothing_may_go) == []


@contextmanager
def ledger() -> Iterator[Datamart]:
    """A datamart of empty ledger tables."""
    with tempfile.TemporaryDirectory() as folder:
        datamart = Datamart.at(folder, load())
        datamart.log.create(RELEASES)
        datamart.log.create(TABLE)
        yield datamart


def lose_the_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def lose_the_log(folder: Path) -> None:
    shutil.rmtree(folder / "_delta_log")


def lose_the_newest_commits(folder: Path) -> None:
    for commit in commit_files(folder)[-2:]:
        commit.path.unlink()


def empty_the_newest_commits(folder: Path) -> None:
    for commit in commit_files(folder)[-2:]:
        commit.path.write_bytes(b"")


def lose_the_data_files(folder: Path) -> None:
    for file in folder.glob("*.parquet"):
        file.unlink()


DAMAGES: list[Callable[[Path], None]] = [
    lose_the_folder,
    lose_the_log,
    lose_the_newest_commits,
    empty_the_newest_commits,
    lose_the_data_files,
]


def nothing_may_go(lost: object) -> None:
    raise AssertionError(lost)


def by_key(found: list[Row]) -> dict[str, Row]:
    return {row["erasure_id"]: {**row, ROW_HASH: None} for row in found}


@pytest.mark.slow
@settings(max_examples=25)
@given(
    st.lists(st.tuples(keys, cells), min_size=1, max_size=4),
    st.lists(st.sampled_from(DAMAGES), min_size=1, max_size=2),
)
def test_after_any_writes_and_any_losses_a_repair_has_every_row_as_it_was_last_written(
    writes: list[tuple[str, Row]], damages: list[Callable[[Path], None]]
) -> None:
    with ledger() as datamart:
        log, last = datamart.log, dict[str, Row]()
        for key, drawn in writes:
            row = {"erasure_id": key, **drawn}
            (put if key in last else _inserted)(log, TABLE, [row], NOTE)
            last[key] = {**row, ROW_HASH: None}
        assert by_key(rows(log, TABLE)) == by_key([*copies(log, TABLE).values()]) == last
        for damage in damages:
            if (log.folder(TABLE) / "_delta_log").is_dir():
                damage(log.folder(TABLE))

        mend_ledger(datamart, "run-1", nothing_may_go)

        assert by_key(rows(log, TABLE)) == last
        assert mend_ledger(datamart, "run-2", nothing_may_go) == []


def _inserted(log: Any, table: Any, wanted: list[Mapping[str, Any]], note: CommitNote) -> None:
    insert(log, table, wanted[0], note)

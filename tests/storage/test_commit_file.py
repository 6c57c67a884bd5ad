"""A commit that a loss of power left unfinished is told apart from a whole one, wherever it was cut."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from lakehouse.ledger.training_sets import TABLE as LEDGER
from lakehouse.releases import ledger_rows
from lakehouse.storage.commit_file import CommitFile, commit_files, whole_until
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.log import Log
from lakehouse.table import MONTH_FIELD, Field, Table

POINTS = Table(
    layer="gold",
    name="points",
    doc="A value of somebody.",
    keys=("who",),
    fields=(Field("who", "STRING", "Who."), Field("value", "INT", "What."), MONTH_FIELD),
    expectations=(("positive", "value > 0"),),
)


def rows(who: str, value: int) -> pa.Table:
    return pa.table({"who": [who], "value": pa.array([value], pa.int32()), "month": ["2023-01"]})


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    """A table with a commit of each kind, and one of the ledger."""
    log = Log(str(tmp_path_factory.mktemp("commits")))
    log.create(POINTS)
    for who in ("a", "b"):
        write_deltalake(log.open(POINTS), rows(who, 1), mode="append")
    merger = log.open(POINTS).merge(rows("a", 2), "t.who = s.who", "s", "t")
    merger.when_matched_update_all().execute()
    log.open(POINTS).optimize.compact()
    log.restore(POINTS, 3, CommitNote(run_id="r"))
    log.replace_schema(POINTS, CommitNote(run_id="r"))
    log.create(LEDGER)
    for name in ("ts-1", "ts-2"):
        receipt = {field.name: None for field in LEDGER.fields}
        maps = {f.name: {} for f in LEDGER.fields if f.type.startswith("MAP<")}
        ledger_rows.insert(log, LEDGER, {**receipt, **maps, "training_set_id": name}, CommitNote())
    ledger_rows.compact(log, LEDGER, CommitNote())
    return log


def commits(log: Log) -> list[CommitFile]:
    return [*commit_files(log.folder(POINTS)), *commit_files(log.folder(LEDGER))]


def test_every_commit_of_either_kind_is_whole(log: Log) -> None:
    assert len(commits(log)) == 12
    assert [commit.fault for commit in commits(log)] == [""] * 12


def test_a_commit_that_is_cut_off_anywhere_is_not_whole(log: Log, tmp_path: Path) -> None:
    for commit in commits(log):
        content = commit.path.read_bytes()
        ends = [at for at, byte in enumerate(content) if byte in b"}\n"]
        for end in {*ends, *(at + 1 for at in ends), *range(0, len(content), 97)} - {len(content)}:
            if content[end:].lstrip().startswith(b'{"protocol":') and commit.version:
                continue  # the protocol is that of before, so nothing is lost
            cut = CommitFile(commit.version, tmp_path / "cut.json")
            cut.path.write_bytes(content[:end])
            assert cut.fault, f"{commit.path} cut at {end} of {len(content)}: {content[:end]!r}"


def test_a_commit_with_zeros_in_it_is_not_whole(log: Log, tmp_path: Path) -> None:
    for commit in commits(log):
        content = commit.path.read_bytes()
        holed = CommitFile(commit.version, tmp_path / "holed.json")
        holed.path.write_bytes(content[:50] + bytes(20) + content[70:])
        assert holed.fault


@pytest.fixture
def points(tmp_path: Path) -> Log:
    log = Log(str(tmp_path))
    log.create(POINTS)
    for who in ("a", "b", "c"):
        write_deltalake(log.open(POINTS), rows(who, 1), mode="append")
    return log


def path_of(log: Log, version: int) -> Path:
    return log.folder(POINTS) / f"_delta_log/{version:020d}.json"


def test_a_log_is_whole_up_to_the_first_commit_that_is_gone(points: Log) -> None:
    assert whole_until(points.folder(POINTS)) == (4, "")
    path_of(points, 3).unlink()
    assert whole_until(points.folder(POINTS)) == (2, "commit 3 of its log is gone")
    log = Log(points.place)
    # delta-rs gives the history of such a version the numbers of later commits.
    assert [commit.version for commit in log.history(POINTS)] == [2, 1, 0]


@pytest.mark.parametrize("left", [0, 100])
def test_a_table_is_read_at_its_last_whole_version_and_no_later_one_can_be_asked_for(
    points: Log, left: int
) -> None:
    content = path_of(points, 4).read_bytes()
    path_of(points, 4).write_bytes(content[:left])
    log = Log(points.place)
    assert log.version(POINTS) == 3
    assert [commit.version for commit in log.history(POINTS)] == [3, 2, 1, 0]
    with pytest.raises(DeltaError):
        log.open(POINTS, 4)
    assert DeltaTable(points.uri(POINTS), version=3).version() == 3

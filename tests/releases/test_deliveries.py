"""Laws of ledger.deliveries: whatever is taken in any order, the newest version of each file is known."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.catalog import load
from lakehouse.landing.counts import Counts
from lakehouse.ledger.deliveries import TABLE as DELIVERIES
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.months import MonthRange
from lakehouse.releases import deliveries
from lakehouse.releases.deliveries import (
    FileVersion,
    digest,
    file_versions,
    newest_taken,
    put,
    restamp,
)
from lakehouse.storage.commit_note import CommitNote, SourceRecord
from lakehouse.storage.datamart import Datamart
from lakehouse.upkeep.mend_ledger import mend_ledger
from lakehouse.upkeep.verify import examine_ledger

NOTE = CommitNote(run_id="run")
BEGAN = datetime(2024, 5, 1, tzinfo=timezone.utc)


def version(
    file: str = "a.csv", sha256: str = "1", run: int = 1, source: str = "loans"
) -> FileVersion:
    """A file of two rows that a run has taken; its numbers depend on its bytes."""
    counts = {"2024-01": Counts(2 + len(sha256), 1, len(sha256), 1), None: Counts(1, 0, 1)}
    record = SourceRecord(sha256, (MonthRange(last="2024-01"),), waits_until=BEGAN.date())
    at = BEGAN + timedelta(minutes=run)
    run_id = f"run {run}"
    return FileVersion(
        source, file, sha256, 10, "1-2-3", counts, "months", record, run_id, run_id, at
    )


def datamart(folder: Path) -> Datamart:
    made = Datamart.at(folder, load())
    for table in (RELEASES, DELIVERIES):
        made.log.create(table)
    return made


def model(runs: Sequence[Sequence[FileVersion]]) -> dict[tuple[str, str, str], FileVersion]:
    """The same in plain Python: a dict of versions."""
    held: dict[tuple[str, str, str], FileVersion] = {}
    for taken in runs:
        for each in taken:
            before = held.get(each.key)
            again = each
            if before:
                at = each.taken_at if before.replaced else before.taken_at
                again = replace(each, first_run_id=before.first_run_id, taken_at=at)
            for key in [key for key in held if key[:2] == each.key[:2]]:
                held[key] = replace(held[key], replaced=True)
            held[each.key] = again
    return held


names = st.sampled_from(["a.csv", "b/2024-01.csv.gz", "ü ' \\ b.parquet"])
files = st.dictionaries(
    st.tuples(st.sampled_from(["loans", "clicks"]), names), st.sampled_from("123"), max_size=4
)


@settings(max_examples=25)
@given(st.lists(files, min_size=1, max_size=5))
def test_any_runs_leave_the_versions_that_a_dict_of_them_has(
    drawn: list[dict[tuple[str, str], str]],
) -> None:
    runs = [
        [version(file, sha256, run, source) for (source, file), sha256 in taken.items()]
        for run, taken in enumerate(drawn)
    ]
    with tempfile.TemporaryDirectory() as folder:
        log = datamart(Path(folder)).log
        for taken in runs:
            put(log, taken, NOTE)
        expected = model(runs)
        assert {each.key: each for each in file_versions(log)} == expected
        newest = {
            (source, name): taken
            for source, of_source in newest_taken(log).items()
            for name, taken in of_source.items()
        }
        assert newest == {
            key[:2]: each.taken for key, each in expected.items() if not each.replaced
        }
        assert all(taken.record.sha256 == taken.sha256 for taken in newest.values())


def test_what_is_there_is_not_written_again(tmp_path: Path) -> None:
    log = datamart(tmp_path).log
    put(log, [version(), version("b.csv")], NOTE)
    written = log.version(DELIVERIES)
    put(log, [version()], NOTE)
    put(log, [], NOTE)
    assert log.version(DELIVERIES) == written


def test_only_the_version_that_has_the_same_bytes_gets_another_stamp(tmp_path: Path) -> None:
    log = datamart(tmp_path).log
    put(log, [version(), version("b.csv")], NOTE)
    other = {("loans", "a.csv", "1"): "4-5-6", ("loans", "b.csv", "2"): "7-8-9"}
    restamp(log, other, NOTE)
    stamps = {name: taken.stamp for name, taken in newest_taken(log)["loans"].items()}
    assert stamps == {"a.csv": "4-5-6", "b.csv": "1-2-3"}
    written = log.version(DELIVERIES)
    restamp(log, other, NOTE)
    assert log.version(DELIVERIES) == written


def test_many_runs_leave_few_data_files(tmp_path: Path) -> None:
    log = datamart(tmp_path).log
    for run in range(40):
        put(log, [version(f"{run}.csv", run=run)], NOTE)
    assert len(log.files(DELIVERIES)) <= 17
    assert len(newest_taken(log)["loans"]) == 40
    deliveries.compact(log, NOTE)
    assert len(log.files(DELIVERIES)) == 1
    assert len(newest_taken(log)["loans"]) == 40


def test_the_digest_of_one_file_is_its_own_and_that_of_more_is_of_their_names_too() -> None:
    one, two = version("a.csv", "1").taken, version("b.csv", "2").taken
    assert digest({}) is None
    assert digest({"a.csv": one}) == "1"
    lines = hashlib.sha256(b"a.csv\t1\nb.csv\t2\n").hexdigest()
    assert digest({"a.csv": one, "b.csv": two}) == digest({"b.csv": two, "a.csv": one}) == lines


@pytest.mark.parametrize("gone", ["log", "commit", "rows"])
def test_a_damaged_table_is_told_and_a_repair_keeps_what_is_left_without_a_question(
    tmp_path: Path, gone: str
) -> None:
    made = datamart(tmp_path)
    put(made.log, [version(), version("b.csv")], NOTE)
    folder = tmp_path / DELIVERIES.path
    if gone == "rows":
        (data_file,) = folder.glob("*.parquet")
        data_file.write_bytes(data_file.read_bytes()[:100])
    for commit in (folder / "_delta_log").glob("*.json"):
        if gone == "log":
            commit.unlink()
        elif gone == "commit" and commit.name.endswith("1.json"):
            commit.write_text(commit.read_text()[:50])
    damaged = Datamart.at(tmp_path, load())
    (finding,) = examine_ledger(damaged)
    assert finding.subject == "ledger.deliveries" and "run --repair" in finding.remedy

    def lost(what: Sequence[str]) -> None:
        raise AssertionError(what)

    (line,) = mend_ledger(damaged, "run", lost)
    kept = [] if gone == "rows" else ["a.csv", "b.csv"]
    assert f"{len(kept)} rows are there again" in line
    assert [each.file for each in file_versions(Datamart.at(tmp_path, load()).log)] == kept

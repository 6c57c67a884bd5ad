"""Lost and damaged tables are told in a clear line, and healed to what an undisturbed build has."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakehouse.errors import BadInput, LakehouseError
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.ledger.training_sets import TABLE as TRAINING_SETS
from lakehouse.months import MonthRange
from lakehouse.releases import published
from lakehouse.releases.publish import check_ours, now_utc
from lakehouse.releases.readable import check_readable
from lakehouse.releases.state import is_published, standings_of
from lakehouse.run.job import Report
from lakehouse.run.plan import Request
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from lakehouse.upkeep.verify import examine_tables
from tests.run.test_laws import (
    CHAIN,
    MONTHS,
    KilledError,
    all_rows,
    click,
    deliver,
    killed_at_commit,
    run_on,
    tables_of,
    two_months_a_merge,
)

pytestmark = pytest.mark.slow

BRONZE, QUARANTINE, SILVER, GOLD = (
    CHAIN.table(name)
    for name in ("bronze.clickstream", "bronze.quarantine", "silver.clickstream", "gold.windows")
)
DATA_TABLES = (BRONZE, QUARANTINE, SILVER, GOLD)
LATER = "2023-06"
BAD = click("CUS_0x9", "2023-02-30", 1)
IDS = [table.full_name for table in DATA_TABLES]


def first_rows() -> list[str]:
    return [*all_rows(), BAD]


def later_rows() -> list[str]:
    """One more month, and a number of the first one corrected."""
    first, *rest = first_rows()
    return [first.replace(first.split(",")[0], "77", 1), *rest, click("CUS_0x1", f"{LATER}-01", 5)]


def corrected_rows() -> list[str]:
    """Another number of each customer in each month."""
    return [*(f"55,{row.split(',', 1)[1]}" for row in later_rows() if row != BAD), BAD]


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A datamart of two releases with a quarantined row, in several commits; copy it."""
    root = tmp_path_factory.mktemp("twice")
    with two_months_a_merge():
        for rows in (first_rows(), later_rows()):
            deliver(root / "data", rows)
            run_on(CHAIN, root)
    return root


@pytest.fixture(scope="module")
def whole(twice: Path) -> dict[str, Any]:
    """What an undisturbed build holds."""
    found = tables_of(twice)
    assert len(found[QUARANTINE.full_name]) == 1
    assert len(found[GOLD.full_name]) == len(all_rows()) + 1
    return found


@pytest.fixture
def root(twice: Path, tmp_path: Path) -> Path:
    """A copy of that datamart, to be damaged."""
    return Path(shutil.copytree(twice, tmp_path / "world"))


def datamart_of(root: Path) -> Datamart:
    return Datamart.at(root / "datamart", CHAIN)


def log_of(root: Path) -> Log:
    return datamart_of(root).log


def folder(root: Path, table: Any) -> Path:
    return root / "datamart" / table.path


def drop(root: Path, *tables: Any) -> None:
    for table in tables:
        shutil.rmtree(folder(root, table))


def repair(root: Path, **changes: Any) -> Report:
    return run_on(CHAIN, root, request=Request(repair=True), **changes)


def told(root: Path) -> dict[str, str]:
    """What doctor --deep finds wrong, by subject; of what a table is, before what its history lost."""
    wrong = [each for each in examine_tables(datamart_of(root)) if each.state != "ok"]
    assert all(each.state == "damaged" and each.remedy for each in wrong)
    return {each.subject: each.found for each in reversed(wrong)}


def is_whole(root: Path) -> bool:
    """Whether the newest release is what is there, can be read, and is no older one."""
    log = log_of(root)
    newest = published.newest(log)
    check_readable(log, newest.pins, DATA_TABLES)
    return is_published(datamart_of(root)) and newest.number == len(published.releases(log))


def files_of(root: Path, table: Any, month: str = "") -> list[Path]:
    """The newest version's data files, of a month."""
    paths = sorted(log_of(root).files(table))
    return [folder(root, table) / path for path in paths if month in path]


def unchanged(root: Path) -> set[tuple[str, int]]:
    """Every file there is but those of locks and work, with its time."""
    files = [each for each in (root / "datamart").rglob("*") if each.is_file()]
    return {
        (str(f), f.stat().st_mtime_ns) for f in files if "_work" not in f.parts and f.suffix
    } - {(str(f), f.stat().st_mtime_ns) for f in files if f.name.startswith(".")}


# A table that was dropped


@pytest.mark.parametrize("table", DATA_TABLES, ids=IDS)
def test_a_dropped_table_is_made_anew_by_the_next_run(
    table: Any, root: Path, whole: dict[str, Any]
) -> None:
    drop(root, table)
    assert "is gone" in told(root)[table.full_name]

    report = run_on(CHAIN, root)

    assert tables_of(root) == whole
    assert report.published == [3] and is_whole(root)
    assert all(what.startswith("for release 1, release 2: ") for what in told(root).values())


@pytest.mark.parametrize("nth", range(1, 7))
@pytest.mark.parametrize("table", [BRONZE, SILVER, GOLD], ids=lambda table: table.full_name)
def test_a_table_that_is_half_made_anew_is_never_taken_for_whole(
    table: Any, nth: int, root: Path, whole: dict[str, Any]
) -> None:
    drop(root, table)
    with two_months_a_merge():
        with killed_at_commit(nth, before=nth % 2 == 0), suppress(KilledError):
            run_on(CHAIN, root)
        run_on(CHAIN, root)

    assert tables_of(root) == whole
    assert is_whole(root)


@pytest.mark.parametrize("nth", [1, 3, 5])
def test_a_correction_beside_a_dropped_table_reaches_what_is_downstream(
    nth: int, root: Path, tmp_path: Path
) -> None:
    """What is downstream consumed a version of the dropped table that is another one now."""
    drop(root, SILVER)
    deliver(root / "data", corrected_rows())
    with two_months_a_merge():
        with killed_at_commit(nth, before=False), suppress(KilledError):
            run_on(CHAIN, root)
        run_on(CHAIN, root)

    fresh = tmp_path / "fresh"
    fresh.mkdir()
    deliver(fresh / "data", corrected_rows())
    run_on(CHAIN, fresh)
    assert tables_of(root) == tables_of(fresh)


def test_every_table_of_data_dropped_at_once_comes_back(root: Path, whole: dict[str, Any]) -> None:
    drop(root, *DATA_TABLES)
    run_on(CHAIN, root)
    assert tables_of(root) == whole
    assert is_whole(root)


def test_a_table_set_back_to_an_older_copy_goes_on_from_there(
    tmp_path: Path, whole: dict[str, Any]
) -> None:
    root = tmp_path / "world"
    root.mkdir()
    deliver(root / "data", first_rows())
    run_on(CHAIN, root)
    shutil.copytree(folder(root, SILVER), tmp_path / "copy")
    deliver(root / "data", later_rows())
    run_on(CHAIN, root)
    drop(root, SILVER)
    shutil.copytree(tmp_path / "copy", folder(root, SILVER))
    assert "set back" in told(root)[SILVER.full_name]

    run_on(CHAIN, root)

    assert tables_of(root) == whole


@pytest.mark.parametrize(
    "scope", [MonthRange(), MonthRange(None, "2023-03")], ids=["all", "through"]
)
def test_a_dropped_bronze_table_is_not_read_from_a_file_that_lacks_months(
    scope: MonthRange, root: Path, whole: dict[str, Any]
) -> None:
    kept = [row for row in later_rows() if MONTHS[1] not in row]
    deliver(root / "data", later_rows() if scope.last else kept)
    drop(root, BRONZE)
    before = unchanged(root)

    lacking = "2023-04 to 2023-06" if scope.last else MONTHS[1]
    with pytest.raises(BadInput, match=f"bronze.clickstream has lost rows of {lacking}, .*backup"):
        run_on(CHAIN, root, request=Request(scope))

    assert unchanged(root) == before
    deliver(root / "data", later_rows())
    run_on(CHAIN, root)
    assert tables_of(root) == whole


def test_a_row_that_a_damaged_one_may_be_is_not_lost_with_a_dropped_table(root: Path) -> None:
    first, *rest = later_rows()
    damaged = first.split(",", 1)[1]
    deliver(root / "data", [damaged, *rest])
    run_on(CHAIN, root)
    before = tables_of(root)
    assert len(before[BRONZE.full_name]) == len(all_rows()) + 1
    drop(root, BRONZE)
    with pytest.raises(BadInput, match=rf"has lost rows of {MONTHS[1]}, .*backup"):
        run_on(CHAIN, root)


# The ledger


def test_a_lost_ledger_is_said_to_be_lost_and_a_repair_gives_up_only_what_it_named(
    root: Path, whole: dict[str, Any]
) -> None:
    receipt(root, release=4)
    drop(root, RELEASES)
    before = unchanged(root)
    with pytest.raises(LakehouseError, match=r"has lost its ledger/releases: .* run --repair"):
        run_on(CHAIN, root)
    with pytest.raises(BadInput, match=r"would give up release 3, release 4; nothing was changed"):
        repair(root)
    assert unchanged(root) == before

    given_up: list[str] = []
    report = repair(root, before_loss=given_up.extend)

    assert given_up == ["release 3", "release 4"]
    assert report.published == [] and report.release == 2
    assert tables_of(root) == whole
    assert told(root) == {}
    deliver(root / "data", corrected_rows())
    assert run_on(CHAIN, root).published == [5]  # a number is never given twice


def receipt(root: Path, release: int) -> None:
    """A receipt that tells of a release."""
    values: dict[str, Any] = {
        f.name: [None] for f in TRAINING_SETS.fields if not f.type.startswith("MAP<")
    }
    values |= {"training_set_id": ["ts-1"], "release": [release], "created_at": [now_utc()]}
    values |= {"parameters": ['{"groups": [], "label": null}']}
    rows = pa.table(values)
    wanted = pa.schema(log_of(root).open(TRAINING_SETS).schema().to_arrow())
    for name in (f.name for f in TRAINING_SETS.fields if f.type.startswith("MAP<")):
        rows = rows.append_column(name, pa.array([[]], pa.map_(pa.string(), pa.int64())))
    rows = rows.select(wanted.names)
    kinds = {f.name: f.type for f in wanted}
    plain = pa.schema([pa.field(n, _plain(kinds[n], rows.schema.field(n).type)) for n in kinds])
    write_deltalake(log_of(root).open(TRAINING_SETS), rows.cast(plain), mode="append")


def _plain(wanted: pa.DataType, found: pa.DataType) -> pa.DataType:
    return found if pa.types.is_map(found) else wanted


def test_lost_receipts_are_noted_and_an_empty_table_is_made(root: Path) -> None:
    drop(root, TRAINING_SETS)
    assert TRAINING_SETS.full_name in told(root)
    report = run_on(CHAIN, root)
    assert report.notes == [
        "ledger.training_sets was not there: an empty one was made; if it was lost, restore it from a backup"
    ]
    assert told(root) == {}


@pytest.mark.parametrize("nth", [0, 1])
def test_a_release_whose_file_is_lost_is_the_same_after_a_repair(
    nth: int, root: Path, whole: dict[str, Any]
) -> None:
    before = published.releases(log_of(root))
    by_age = sorted(files_of(root, RELEASES), key=lambda file: file.stat().st_mtime)
    by_age[nth].unlink()
    assert by_age[nth].name in told(root)[RELEASES.full_name]

    report = repair(root)

    assert f"ledger.releases: 1 of its 2 data files: {by_age[nth].name}" in report.notes[0]
    assert published.releases(log_of(root)) == before
    assert tables_of(root) == whole
    assert told(root) == {}


# Another program


def append(root: Path, table: Any) -> None:
    rows = log_of(root).open(table).to_pyarrow_table()
    write_deltalake(log_of(root).open(table), rows.slice(0, 2), mode="append")


def overwrite(root: Path, table: Any) -> None:
    rows = log_of(root).open(table).to_pyarrow_table()
    write_deltalake(log_of(root).open(table), rows.slice(0, 1), mode="overwrite")


def delete(root: Path, table: Any) -> None:
    log_of(root).open(table).delete("month = '2023-02'" if table != QUARANTINE else None)


@pytest.mark.parametrize("write", [append, overwrite, delete])
@pytest.mark.parametrize("table", DATA_TABLES, ids=IDS)
def test_what_another_program_wrote_is_never_published(
    table: Any, write: Callable[[Path, Any], None], root: Path, whole: dict[str, Any]
) -> None:
    write(root, table)
    foreign = log_of(root).version(table)
    assert "another program wrote" in told(root)[table.full_name]

    report = run_on(CHAIN, root)

    assert tables_of(root) == whole
    assert f"{table.full_name}: another program wrote to it" in report.notes[0]
    assert published.newest(log_of(root)).versions[table.full_name] == (foreign or 0) + 1
    assert told(root) == {} and is_whole(root)
    assert log_of(root).open(table, foreign).version() == foreign


@pytest.mark.parametrize("nth", range(1, 6))
def test_what_another_program_wrote_between_two_halves_of_a_run_is_undone(
    nth: int, root: Path
) -> None:
    deliver(root / "data", corrected_rows())
    with two_months_a_merge():
        with killed_at_commit(nth, before=False), suppress(KilledError):
            run_on(CHAIN, root)
        append(root, SILVER)
        run_on(CHAIN, root)
    silver = tables_of(root)[SILVER.full_name]
    assert {row["fe_1"] for row in silver.values()} == {55}
    assert len(silver) == len(all_rows()) + 1
    assert told(root) == {}


def test_a_program_that_writes_while_a_run_is_at_work_keeps_it_from_publishing(
    root: Path, whole: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = check_ours

    def meanwhile(standings: Any) -> None:
        monkeypatch.setattr("lakehouse.releases.publish.check_ours", changed)
        append(root, GOLD)
        changed(standings_of(datamart_of(root), published.newest(log_of(root))))

    monkeypatch.setattr("lakehouse.releases.publish.check_ours", meanwhile)
    drop(root, SILVER)
    with pytest.raises(LakehouseError, match=r"gold.windows: another program wrote to it while"):
        run_on(CHAIN, root)
    assert len(published.releases(log_of(root))) == 2
    run_on(CHAIN, root)
    assert tables_of(root) == whole


# Data files


def remove(file: Path) -> None:
    file.unlink()


def truncate(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 0x55
    file.write_bytes(content)


DAMAGES = [remove, truncate, flip]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("table", DATA_TABLES, ids=IDS)
def test_repair_mends_what_doctor_finds(
    table: Any, damage: Callable[[Path], None], root: Path, whole: dict[str, Any]
) -> None:
    assert told(root) == {}
    file = files_of(root, table)[0]
    damage(file)
    assert file.name in told(root)[table.full_name]

    report = repair(root)

    assert tables_of(root) == whole
    assert f"{table.full_name}: 1 of its" in report.notes[0] and file.name in report.notes[0]
    assert all(what.startswith(("for release 1", "for release 2")) for what in told(root).values())
    assert is_whole(root)
    assert repair(root).tables == {}


@pytest.mark.parametrize("nth", range(1, 5))
@pytest.mark.parametrize("table", DATA_TABLES, ids=IDS)
def test_a_repair_that_was_killed_is_ended_by_a_plain_run(
    table: Any, nth: int, root: Path, whole: dict[str, Any]
) -> None:
    for file in files_of(root, table):
        file.unlink()
    with two_months_a_merge():
        with killed_at_commit(nth, before=nth % 2 == 0), suppress(KilledError):
            repair(root)
        run_on(CHAIN, root)
    assert tables_of(root) == whole
    assert is_whole(root)


def test_a_release_that_used_a_lost_file_says_so_after_the_repair(root: Path) -> None:
    log = log_of(root)
    files_of(root, GOLD, MONTHS[2])[0].unlink()
    repair(root)
    with pytest.raises(LakehouseError, match=r"release 2 cannot be read any more: gold.windows"):
        check_readable(log, published.release(log, 2).pins, [GOLD])
    assert "release 2" in told(root)[GOLD.full_name]
    check_readable(log, published.newest(log).pins, [GOLD])


def test_repair_refuses_where_the_raw_file_lacks_what_bronze_lost(
    root: Path, whole: dict[str, Any]
) -> None:
    files_of(root, BRONZE, MONTHS[1])[0].unlink()
    deliver(root / "data", [row for row in later_rows() if MONTHS[1] not in row])
    before = unchanged(root)
    with pytest.raises(
        BadInput, match=rf"bronze.clickstream has lost rows of {MONTHS[1]}, .*backup"
    ):
        repair(root)
    assert unchanged(root) == before
    deliver(root / "data", later_rows())
    repair(root)
    assert tables_of(root) == whole


def test_a_raw_file_exchanged_after_a_killed_repair_deletes_nothing(
    root: Path, whole: dict[str, Any]
) -> None:
    files_of(root, BRONZE, MONTHS[1])[0].unlink()
    with killed_at_commit(1, before=True), pytest.raises(KilledError):
        repair(root)
    deliver(root / "data", [row for row in later_rows() if MONTHS[1] not in row])
    with pytest.raises(BadInput, match=rf"bronze.clickstream has lost rows of {MONTHS[1]}"):
        run_on(CHAIN, root)
    deliver(root / "data", later_rows())
    run_on(CHAIN, root)
    assert tables_of(root) == whole


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_plain_run_that_meets_a_damaged_file_names_its_table_and_the_remedy(
    damage: Callable[[Path], None], root: Path
) -> None:
    for file in files_of(root, SILVER):
        damage(file)
    deliver(root / "data", [*later_rows(), click("CUS_0x2", "2023-07-01", 5)])
    with pytest.raises(LakehouseError) as error:
        run_on(CHAIN, root)
    assert str(error.value).startswith("silver.clickstream is damaged: ")
    assert "doctor --deep tells more, run --repair repairs it" in str(error.value)
    assert "\n" not in str(error.value)
    repair(root)
    assert len(tables_of(root)[SILVER.full_name]) == len(all_rows()) + 2


# Logs


def torn(log: Path) -> None:
    newest = sorted(log.glob("*.json"))[-1]
    newest.write_bytes(newest.read_bytes()[:40])


def emptied(log: Path) -> None:
    sorted(log.glob("*.json"))[-1].write_bytes(b"")


def one_lost(log: Path) -> None:
    sorted(log.glob("*.json"))[1].unlink()


def all_lost(log: Path) -> None:
    shutil.rmtree(log)


def older_emptied(log: Path) -> None:
    sorted(log.glob("*.json"))[-2].write_bytes(b"")


@pytest.mark.parametrize("how", [run_on, repair], ids=["run", "repair"])
@pytest.mark.parametrize("damage", [torn, emptied])
@pytest.mark.parametrize("table", DATA_TABLES, ids=IDS)
def test_a_newest_commit_that_is_not_whole_is_refused_by_readers_and_taken_back_by_a_run(
    table: Any,
    damage: Callable[[Path], None],
    how: Callable[..., Report],
    root: Path,
    whole: dict[str, Any],
) -> None:
    damage(folder(root, table) / "_delta_log")
    assert "of its log is" in told(root)[table.full_name]
    released = published.release(log_of(root), 2).pins
    with pytest.raises(LakehouseError, match=r"release 2 cannot be read any more: .* of its log"):
        check_readable(log_of(root), released, DATA_TABLES)

    report = how(CHAIN, root) if how is run_on else how(root)

    assert f"{table.full_name}: commit " in report.notes[0]
    assert tables_of(root) == whole
    assert is_whole(root)
    with pytest.raises(LakehouseError, match=r"another commit has that number now|of its log"):
        check_readable(log_of(root), released, DATA_TABLES)


@pytest.mark.parametrize("damage", [one_lost, all_lost, older_emptied])
@pytest.mark.parametrize("table", [BRONZE, SILVER, GOLD], ids=lambda table: table.full_name)
def test_repair_makes_a_table_anew_whose_log_is_damaged(
    table: Any, damage: Callable[[Path], None], root: Path, whole: dict[str, Any]
) -> None:
    damage(folder(root, table) / "_delta_log")
    assert "log" in told(root)[table.full_name]

    report = repair(root)

    assert tables_of(root) == whole
    aside = report.notes[0].rsplit(" ", 1)[1]
    assert Path(aside).is_dir() and Path(aside).parent.stat().st_mode & 0o777 == 0o700
    assert is_whole(root)


@pytest.mark.parametrize("damage", [older_emptied, one_lost])
def test_a_damaged_log_is_named_by_every_command(
    damage: Callable[[Path], None], root: Path
) -> None:
    damage(folder(root, SILVER) / "_delta_log")
    with pytest.raises(LakehouseError, match=r"the log of silver.clickstream cannot be read; "):
        run_on(CHAIN, root)


# A table that was set back, so that a version number is used twice


def set_back_by_one(root: Path, *tables: Any) -> None:
    """Take the newest commit away, as a backup of last night does."""
    for table in tables:
        max((folder(root, table) / "_delta_log").glob("*.json")).unlink()


def test_a_release_whose_version_numbers_are_used_again_is_refused_and_told(root: Path) -> None:
    set_back_by_one(root, *DATA_TABLES)
    deliver(root / "data", corrected_rows())
    run_on(CHAIN, root)
    log = log_of(root)
    second, third = published.release(log, 2), published.release(log, 3)
    again = [t for t in DATA_TABLES if second.versions[t.full_name] == third.versions[t.full_name]]
    assert again, "no number was used twice"
    for table in again:
        with pytest.raises(
            LakehouseError, match=r"release 2 .* another commit has that number now"
        ):
            check_readable(log, second.pins, [table])
    check_readable(log, third.pins, DATA_TABLES)
    assert {table.full_name for table in again} <= told(root).keys()


def test_a_release_of_an_older_program_has_no_identities_and_is_read_as_before(root: Path) -> None:
    log = log_of(root)
    for release in published.releases(log):
        assert {*release.commits} == {*IDS}
        check_readable(log, replace(release.pins, commits={}), DATA_TABLES)


# The clock


def at(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """Let the clock of a run differ from that of this machine."""
    set_back(monkeypatch, -by)


def test_after_a_run_with_the_clock_far_ahead_there_is_a_way_out(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as ahead:
        at(ahead, timedelta(days=400))
        deliver(root / "data", corrected_rows())
        run_on(CHAIN, root)
    deliver(root / "data", later_rows())
    with pytest.raises(LakehouseError, match=r"before release 3 was .* --clock-is-right"):
        run_on(CHAIN, root)
    run_on(CHAIN, root, clock_is_right=True)
    deliver(root / "data", corrected_rows())
    run_on(CHAIN, root)
    log = log_of(root)
    assert [release.number for release in published.releases(log)] == [1, 2, 3, 4, 5]
    assert published.at_time(log, now_utc()).number == 5
    for release in published.releases(log):
        check_readable(log, release.pins, DATA_TABLES)
    assert told(root) == {} and is_whole(root)


def test_a_clock_that_steps_back_in_the_first_run_leaves_its_release_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(tmp_path / "data", first_rows())
    with monkeypatch.context() as stepped:
        # The tables are made by the clock of the machine, the release is published a year before.
        at(stepped, -timedelta(days=365))
        run_on(CHAIN, tmp_path)
    check_readable(log_of(tmp_path), published.release(log_of(tmp_path), 1).pins, DATA_TABLES)
    deliver(tmp_path / "data", later_rows())
    run_on(CHAIN, tmp_path)
    assert told(tmp_path) == {} and is_whole(tmp_path)


def test_a_clock_set_back_far_is_refused(
    root: Path, whole: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_back(monkeypatch, timedelta(days=40))
    deliver(root / "data", [*later_rows(), click("CUS_0x2", "2023-07-01", 5)])
    before = unchanged(root)
    with pytest.raises(LakehouseError, match=r"this machine's clock says .* before release 2 was"):
        run_on(CHAIN, root)
    assert unchanged(root) == before and tables_of(root) == whole


def test_a_clock_set_back_by_minutes_keeps_releases_in_their_order(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_back(monkeypatch, timedelta(minutes=30))
    deliver(root / "data", [*later_rows(), click("CUS_0x2", "2023-07-01", 5)])
    run_on(CHAIN, root)
    log = log_of(root)
    times = [row.finished_at for row in published.releases(log)]
    assert times == sorted(set(times)) and len(times) == 3
    for number, moment in enumerate(times, start=1):
        assert published.at_time(log, moment).number == number
        check_readable(log, published.release(log, number).pins, DATA_TABLES)
    assert told(root) == {} and is_whole(root)


def set_back(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    for module in ("run.run", "releases.publish"):
        monkeypatch.setattr(f"lakehouse.{module}.now_utc", lambda: datetime.now(timezone.utc) - by)

"""A person is erased from every version of every table, and everybody else's rows stay what they were."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake.exceptions import DeltaError
from deltalake.table import TableMerger

from lakehouse.catalog import Catalog, load
from lakehouse.cli import main
from lakehouse.engines.choose import open_store
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.generate import generate
from lakehouse.months import MonthRange
from lakehouse.releases import published
from lakehouse.releases.erasures import erasures
from lakehouse.releases.readable import check_readable
from lakehouse.run.job import Job
from lakehouse.run.run import run
from lakehouse.storage.begun_erasure import erasure_folder
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.folder import Folder
from lakehouse.storage.log import Log
from lakehouse.table import Table
from lakehouse.training.build import build, reproduce
from lakehouse.training.receipts import Receipt, receipts
from lakehouse.upkeep import erasure as erasing
from lakehouse.upkeep.erase import Erased, erase
from tests.bank import LOANS, PERSONS, Bank
from tests.narrow import narrow
from tests.on_spark import OnSpark

pytestmark = [pytest.mark.slow, pytest.mark.each]

CATALOG = narrow()
TABLES = [table for table in CATALOG.tables if table.layer != "ledger"]
SOME = ("age", "annual_income", "fe_1")
# Rows that no table could take: those of the person go, whatever is broken in them.
OF_THE_PERSON = (
    "{id},Zanetta Quill,44,{ssn},Writer",
    ",Zanetta Quill,44,{ssn},Writer,2023-02-01",
    '{id},"Zanetta Quill,44,{ssn},Writer,2023-02-01',
)
LOAN_OF_THE_PERSON = "{id}_2023_02_01,,2023-02-01,10,1,10000,1000,1000,0,9000,2023-03-01"
OF_ANOTHER = "{id}1,Other Person,44,999-99-9999,Writer"


@dataclass(frozen=True)
class World:
    """A bank whose datamart holds the person in four releases, a training set and a spine."""

    bank: Bank
    customer: str
    ssn: str
    name: str

    @property
    def datamart(self) -> Path:
        return self.bank.datamart

    def erase(self, **given: Any) -> Erased:
        return erase(
            Datamart.at(self.datamart, CATALOG), self.bank.root / "data", self.customer, **given
        )

    def run(self) -> None:
        self.bank.run(catalog=CATALOG)

    def built(self, release: int, **asked: Any) -> Receipt:
        return build(self.bank.prepared(release, CATALOG, **asked), self.bank.store)

    def again(self, made: Receipt) -> Receipt:
        return reproduce(self.bank.store_of(CATALOG), made.training_set_id)

    def copied(self, to: Path) -> World:
        return World(self.bank.copied(to), self.customer, self.ssn, self.name)


def corrected(file: Path, column: str, cell: str, every: int) -> None:
    """Another cell in every so many sound rows of a raw file."""
    header, *lines = file.read_text(encoding="utf-8").splitlines()
    at, width = header.split(",").index(column), header.count(",") + 1
    for i, cells in enumerate(next(csv.reader([line])) for line in lines):
        if i % every == 0 and len(cells) == width and all(cells):
            cells[at] = cell
            lines[i] = ",".join(f'"{each}"' if "," in each else each for each in cells)
    file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


def appended(file: Path, *lines: str) -> None:
    with file.open("a", encoding="utf-8") as rows:
        rows.writelines(f"{line}\n" for line in lines)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Four releases, with rows of the person and of another in quarantine. Copy it before changing it."""
    bank = Bank(tmp_path_factory.mktemp("world"))
    data = bank.root / "data"
    generate(data, customers=20, months=4, seed=5)
    persons = raw_rows(data / PERSONS)
    person = next(row for row in persons if re.fullmatch(r"\d{3}-\d{2}-\d{4}", row["SSN"]))
    world = World(bank, person["Customer_ID"], person["SSN"], person["Name"])
    known = {"id": world.customer, "ssn": world.ssn}
    appended(data / PERSONS, *(line.format(**known) for line in (*OF_THE_PERSON, OF_ANOTHER)))
    appended(data / LOANS, LOAN_OF_THE_PERSON.format(**known))
    bank.run(through="2023-06", catalog=CATALOG)
    world.run()
    corrected(data / PERSONS, "Age", "61", every=3)
    world.run()
    corrected(data / LOANS, "paid_amt", "7", every=5)
    world.run()
    assert len(published.releases(bank.log)) == 4
    return world


def raw_rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture
def world(pristine: World, tmp_path: Path) -> World:
    return pristine.copied(tmp_path / "world")


Rows = list[str]


def rows_of(log: Log, table: Table, version: int) -> Rows:
    """All rows of a table at a version, each as text, in an order of their own."""
    return sorted(map(repr, log.read(table, version)))


def feed_of(log: Log, table: Table) -> Rows:
    newest = log.version(table) or 0
    feed = pa.table(log.open(table).load_cdf(1, newest).read_all()) if newest else pa.table({})
    return sorted(map(repr, feed.to_pylist()))


def everything(log: Log) -> dict[str, Rows]:
    """Every table at every version, and its change feed."""
    found = {f"{t.full_name} feed": feed_of(log, t) for t in TABLES}
    for table in TABLES:
        for commit in log.history(table):
            version = commit.version
            found[f"{table.full_name} {version}"] = rows_of(log, table, version)
    return found


def mentions(world: World, row: str) -> bool:
    return world.ssn in row or re.search(rf"\b{world.customer}(_2023|\b)", row) is not None


def less_the_person(world: World, found: dict[str, Rows]) -> dict[str, Rows]:
    return {name: [row for row in rows if not mentions(world, row)] for name, rows in found.items()}


def files_of(root: Path) -> dict[str, bytes]:
    return {str(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file()}


def holders(world: World) -> set[str]:
    """Files of the datamart with the person's id, name or SSN in their bytes or values."""
    told = re.compile(rf"{world.customer}(?![0-9a-f])|{world.ssn}|{world.name}")
    return {
        path
        for path, content in files_of(world.datamart).items()
        if told.search(content.decode(errors="replace") + _values(world.datamart / path))
    }


def _values(file: Path) -> str:
    if file.suffix != ".parquet":
        return ""
    return repr(pq.read_table(file, partitioning=None).to_pylist())


def check_consistent(world: World) -> None:
    """What releases and logs say of files and rows is what the files are."""
    log = world.bank.log
    told: dict[str, str] = {}
    for row in published.releases(log):
        told |= row.checksums
        for table in TABLES:
            version = row.versions[table.full_name]
            assert row.row_counts[table.full_name] == len(log.read(table, version))
            assert row.row_counts[table.full_name] == sum(
                log.rows_by_month(table, version).values()
            )
            for path, size in log.files(table, version).items():
                assert (Path(log.uri(table)) / path).stat().st_size == size
    for path, sha256 in told.items():
        assert hashlib.sha256((world.datamart / path).read_bytes()).hexdigest() == sha256


@pytest.mark.slow
def test_every_version_and_the_change_feed_are_what_they_were_less_the_person(world: World) -> None:
    before = everything(world.bank.log)

    erased = world.erase()

    after = everything(world.bank.log)
    assert after == less_the_person(world, before)
    assert before != after and erased.files > 20
    assert after.keys() == before.keys()


def test_no_byte_and_no_value_in_the_datamart_tells_of_the_person(world: World) -> None:
    assert any("bronze/attributes" in path for path in holders(world))

    world.erase()

    assert holders(world) == set()


def test_releases_and_logs_say_of_the_files_what_they_are(world: World) -> None:
    check_consistent(world)

    world.erase()

    check_consistent(world)


def test_rows_of_the_person_leave_the_quarantine_and_those_of_others_stay(world: World) -> None:
    table = CATALOG.table("bronze.quarantine")
    assert len(world.bank.log.read(table)) == 5

    world.erase()

    (left,) = world.bank.log.read(table)
    assert left["raw_text"] == OF_ANOTHER.format(id=world.customer)


def test_an_ssn_that_another_customer_has_too_erases_no_row_of_that_one(world: World) -> None:
    file = world.bank.root / "data" / PERSONS
    other = next(row for row in raw_rows(file) if row["Customer_ID"] != world.customer)
    appended(file, f"{other['Customer_ID']},Name Sake,40,{world.ssn},Writer,2023-04-09")
    world.run()

    world.erase()

    kept = world.bank.log.read(CATALOG.table("bronze.quarantine"))
    assert [row["raw_text"] for row in kept if world.ssn in row["raw_text"]] == [
        OF_THE_PERSON[1].format(ssn=world.ssn)
    ]


def test_the_receipt_tells_when_and_how_much_and_not_who(world: World) -> None:
    erased = world.erase()

    (row,) = erasures(world.bank.log)
    assert row.erasure_id == erased.erasure_id and row.row_counts == erased.row_counts
    assert row.files == erased.files > 0 and row.row_counts["gold.label_store"] > 0
    hashes = {
        hashlib.new(name, each.encode()).hexdigest()
        for name in ("md5", "sha1", "sha256")
        for each in (world.customer, world.ssn, world.name)
    }
    assert not any(each in str(row) for each in (world.customer, world.ssn, world.name, *hashes))


def test_a_second_time_is_refused_and_changes_nothing(world: World) -> None:
    world.erase()
    before = files_of(world.datamart)

    with pytest.raises(BadInput, match="has no row of that customer"):
        world.erase()

    assert files_of(world.datamart) == before


@pytest.mark.parametrize("customer", ["CUS_0x0", "CUS", "", "  ", "C.*", "("])
def test_a_customer_that_nobody_is_is_refused_and_changes_nothing(
    world: World, customer: str
) -> None:
    before = files_of(world.datamart)

    with pytest.raises(BadInput, match=r"no row of that customer|takes the id"):
        erase(Datamart.at(world.datamart, CATALOG), world.bank.root / "data", customer)

    assert files_of(world.datamart) == before


def test_a_dry_run_says_the_same_and_changes_nothing(world: World) -> None:
    before = files_of(world.datamart)

    would = world.erase(dry_run=True)

    assert files_of(world.datamart) == before
    did = world.erase()
    assert would.erasure_id is None and did.erasure_id
    assert (would.row_counts, would.files, would.notes) == (did.row_counts, did.files, did.notes)


def test_raw_files_with_the_person_are_named_and_left_alone(world: World) -> None:
    before = files_of(world.bank.root / "data")

    erased = world.erase()

    assert files_of(world.bank.root / "data") == before
    assert len(erased.notes) == 5
    assert any("gold.roll_rates" in note and "still counted" in note for note in erased.notes)
    assert "features_attributes.csv has 3 lines of that customer" in " ".join(erased.notes)


def test_a_table_that_a_repair_set_aside_is_named_before_and_not_where_it_lacks_the_person(
    world: World,
) -> None:
    (world.datamart / "_damaged" / "bronze.attributes-1").mkdir(parents=True)

    assert (
        "bronze.attributes-1, which a repair or a restore set aside"
        in world.erase(dry_run=True).notes[-1]
    )
    assert not any("set aside" in note for note in world.erase().notes)


def test_a_run_on_the_same_raw_files_does_not_bring_the_person_back(world: World) -> None:
    world.erase()
    before = files_of(world.datamart)

    world.run()

    assert files_of(world.datamart) == before


@pytest.mark.slow
def test_corrections_go_on_after_an_erasure_as_without(world: World, tmp_path: Path) -> None:
    """The raw files have neither the person any more, as the note says."""
    other = world.copied(tmp_path / "never_erased")
    world.erase()
    for each in (world, other):
        for file in (each.bank.root / "data").glob("*.csv"):
            lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in lines if not mentions(world, line)]
            file.write_text("".join(kept), encoding="utf-8")
        corrected(each.bank.root / "data" / PERSONS, "Age", "33", every=4)
        each.run()

    # The tables about nobody count the person until they are computed again, as the note says.
    for table in filter(CATALOG.entity_columns, TABLES):
        hidden = {*table.unversioned, "mended_run_id"}

        def plain(each: World, table: Table = table, hidden: set[str] = hidden) -> Rows:
            found = each.bank.log.read(table)
            return sorted(repr({k: v for k, v in row.items() if k not in hidden}) for row in found)

        assert [row for row in plain(other) if not mentions(world, row)] == plain(world)
    assert holders(world) == set()
    check_consistent(world)


# Training sets


def spine(world: World, *customers: str) -> Path:
    file = world.bank.root / f"spine_{len(customers)}.csv"
    rows = (f"{customer},2023-06-30\n" for customer in customers)
    file.write_text("customer_id,application_date\n" + "".join(rows), encoding="utf-8")
    return file


def first_month(world: World) -> str:
    """The month in which the person applied."""
    rows = world.bank.log.read(CATALOG.table("gold.label_store"))
    (month,) = {
        f"{r['application_date']:%Y-%m}" for r in rows if r["customer_id"] == world.customer
    }
    return month


def test_training_sets_with_the_person_are_marked_and_others_built_again(world: World) -> None:
    month = first_month(world)
    others = sorted({"2023-01", "2023-02", "2023-03", "2023-04"} - {month})[0]
    someone = raw_rows(world.bank.root / "data" / PERSONS)[-5]["Customer_ID"]
    assert someone != world.customer
    whole = world.built(4, features=SOME)
    of_month = world.built(4, features=SOME, months=MonthRange(month, month))
    without = world.built(4, features=SOME, months=MonthRange(others, others))
    scored = world.built(4, features=SOME, spine=spine(world, someone, world.customer))
    unscored = world.built(4, features=SOME, spine=spine(world, someone))

    erased = world.erase()

    marked = {each.training_set_id for each in receipts(world.bank.log) if each.erased_at}
    assert marked == {each.training_set_id for each in (whole, of_month, scored)}
    assert set(erased.training_sets) == marked
    assert any("still hold the person" in note for note in erased.notes)
    for each in (whole, of_month, scored):
        with pytest.raises(
            LakehouseError, match="cannot be built again exactly: a person in it was"
        ):
            world.again(each)
    for each in (without, unscored):
        assert world.again(each) == each
    assert world.built(4, features=SOME, months=MonthRange(others, others)) == without


def test_the_same_choices_make_another_set_after_an_erasure(world: World) -> None:
    before = world.built(4, features=SOME)
    world.erase()

    after = world.built(4, features=SOME)

    assert after.training_set_id != before.training_set_id and after.erased_at is None
    assert after.row_count < before.row_count
    assert world.built(4, features=SOME) == after == world.again(after)


def test_each_person_erased_from_a_set_gives_it_another_id(world: World) -> None:
    rows = world.bank.log.read(CATALOG.table("gold.label_store"))
    second = next(r["customer_id"] for r in rows if r["customer_id"] != world.customer)
    made = [world.built(4, features=SOME)]
    for customer in (world.customer, second):
        erase(Datamart.at(world.datamart, CATALOG), world.bank.root / "data", customer)
        made.append(world.built(4, features=SOME))

    assert len({each.training_set_id for each in made}) == 3
    assert world.again(made[-1]) == made[-1]
    assert [bool(each.erased_at) for each in receipts(world.bank.log)] == [True, True, False]


def test_a_set_that_was_computed_while_a_person_was_erased_gets_no_receipt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lakehouse.training import build as training_build

    keep = training_build.keep

    def but_first_erase(*computed: Any) -> Receipt:
        world.erase()
        return keep(*computed)

    monkeypatch.setattr(training_build, "keep", but_first_erase)

    with pytest.raises(LakehouseError, match="a person was erased while training set"):
        world.built(4, features=SOME)

    assert receipts(world.bank.log) == []


# A kill


class KilledError(Exception):
    """What stands for a kill of the process."""


@contextmanager
def killed_at(nth: int, after: bool = False) -> Iterator[list[int]]:
    """Raise at the nth rename, commit or deletion, before or just after it; counts them in its list."""
    done = [0]

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*given: Any, **named: Any) -> Any:
            done[0] += 1
            if done[0] == nth and not after:
                raise KilledError
            value = real(*given, **named)
            if done[0] == nth:
                raise KilledError
            return value

        return step

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", dying(Path.replace))
        patch.setattr(TableMerger, "execute", dying(TableMerger.execute))
        patch.setattr(erasing, "rmtree", dying(erasing.rmtree))
        yield done


@dataclass(frozen=True)
class Ends:
    """A small world with a training set, and its tables before and after an erasure let be."""

    world: World
    before: dict[str, Rows]
    after: dict[str, Rows]
    steps: int


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> Ends:
    root = tmp_path_factory.mktemp("ends")
    bank = Bank(root / "world")
    generate(bank.root / "data", customers=6, months=1, seed=5)
    bank.run(catalog=CATALOG)
    person = raw_rows(bank.root / "data" / PERSONS)[0]
    world = World(bank, person["Customer_ID"], person["SSN"], person["Name"])
    world.built(1, features=SOME)
    let_be = world.copied(root / "let_be")
    with killed_at(0) as steps:
        let_be.erase()
    return Ends(world, everything(bank.log), everything(let_be.bank.log), steps[0])


def check_tables_are_whole(world: World, ends: Ends) -> None:
    """A reader finds each version of a table as it was or as it will be, or no such table."""
    log = world.bank.log
    for table in (each for each in TABLES if log.exists(each)):
        for commit in log.history(table):
            name = f"{table.full_name} {commit.version}"
            found = rows_of(log, table, commit.version)
            assert found in (ends.before[name], ends.after[name])


@pytest.mark.slow
@pytest.mark.parametrize("nth", [1, 2, 3, 4, 7, 26, 27, 28, 29, 30, 31])
def test_an_erasure_killed_at_any_step_is_finished_or_undone_by_the_next_run(
    ends: Ends, tmp_path: Path, nth: int
) -> None:
    world = ends.world.copied(tmp_path / "world")
    assert ends.steps < 32
    with killed_at(nth, after=nth % 2 == 0), suppress(KilledError):
        world.erase()
    decided = erasure_folder(world.datamart).exists()
    check_tables_are_whole(world, ends)

    world.run()

    log = world.bank.log
    done = bool(erasures(log))
    assert done or not decided
    assert everything(log) == (ends.after if done else ends.before)
    assert not erasure_folder(world.datamart).exists()
    check_consistent(world)
    assert [bool(each.erased_at) for each in receipts(log)] == [done]
    assert not (done and holders(world))


@pytest.mark.slow
def test_who_erases_again_after_a_kill_is_told_that_it_is_done(ends: Ends, tmp_path: Path) -> None:
    world = ends.world.copied(tmp_path / "world")
    with killed_at(ends.steps // 2), pytest.raises(KilledError):
        world.erase()

    with pytest.raises(BadInput, match="an erasure that was killed has just been finished"):
        world.erase()

    assert everything(world.bank.log) == ends.after


@pytest.mark.slow
def test_who_reads_where_an_erasure_was_killed_is_told_what_to_do(
    ends: Ends, tmp_path: Path
) -> None:
    world = ends.world.copied(tmp_path / "world")
    nth = 0
    while all(world.bank.log.exists(table) for table in TABLES):
        nth += 1
        world = ends.world.copied(tmp_path / f"world_{nth}")
        with killed_at(nth), suppress(KilledError):
            world.erase()

    with pytest.raises(LakehouseError, match="a person is being erased"):
        check_readable(world.bank.log, published.newest(world.bank.log).pins, TABLES)
    with pytest.raises(LakehouseError, match="a person is being erased"):
        world.built(1, features=SOME)


# Beside others


def test_an_erasure_beside_a_run_is_refused(world: World) -> None:
    before = files_of(world.datamart / "bronze")
    with (
        Folder(world.datamart).locked(),
        pytest.raises(LakehouseError, match=r"another run .* is writing"),
    ):
        world.erase()

    assert files_of(world.datamart / "bronze") == before


def test_a_table_with_checkpoints_and_a_log_that_was_cut_is_erased_too(world: World) -> None:
    log = world.bank.log
    for table in TABLES:
        log.open(table).optimize.compact()
        log.open(table).create_checkpoint()
        for commit in sorted((Path(log.uri(table)) / "_delta_log").glob("*.json"))[:2]:
            if int(commit.stem) < (log.version(table) or 0) - 1:
                commit.unlink()
    newest = {t.full_name: rows_of(log, t, log.version(t) or 0) for t in TABLES}
    gone = {t.full_name: _versions_gone(log, t) for t in TABLES}
    assert any(gone.values())

    world.erase()

    assert {t.full_name: rows_of(log, t, log.version(t) or 0) for t in TABLES} == less_the_person(
        world, newest
    )
    assert {t.full_name: _versions_gone(log, t) for t in TABLES} == gone
    assert holders(world) == set()
    for table in TABLES:
        for path, size in log.files(table).items():
            assert (Path(log.uri(table)) / path).stat().st_size == size


def _versions_gone(log: Log, table: Table) -> list[int]:
    gone = []
    for version in range((log.version(table) or 0) + 1):
        try:
            log.open(table, version)
        except DeltaError:
            gone.append(version)
    return gone


def test_the_time_of_each_version_stays(world: World) -> None:
    def times() -> dict[str, float]:
        logs = world.datamart.glob("[bsg]*/*/_delta_log/*.json")
        return {str(each): each.stat().st_mtime for each in logs}

    before = times()
    world.erase()

    assert times() == before


# By the command


def test_the_command_says_what_went_and_keeps_quiet_of_who_in_json(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--data", str(world.bank.root / "data"), "--datamart", str(world.datamart)]
    assert main(["erase", "--customer", world.customer, "--dry-run", *places]) == 0
    assert "Would be erased" in capsys.readouterr().out
    assert main(["erase", "--yes", "--customer", world.customer, "--json", *places]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["erasure_id"] and told["row_counts"]["bronze.attributes"] == 1
    assert main(["erase", "--yes", "--customer", world.customer, *places]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["training-sets", "--json", *places[2:]]) == 0


# On Spark


def of_persons() -> Catalog:
    """Only the tables of attributes."""
    kept = ("attributes", "quarantine")
    modules = load().modules
    return Catalog(tuple(m for m in modules if m[0].layer == "ledger" or m[0].name in kept))


def built_by_spark(root: str) -> None:
    """One more release, written by Spark."""
    datamart, data = Path(root) / "datamart", Path(root) / "data"
    run(
        Job(
            data,
            Datamart.at(datamart, of_persons()),
            lambda datamart, _size: open_store("spark", datamart, None),
        )
    )


def read_by_spark(root: str) -> dict[str, Rows]:
    """Each table at its first version with rows, and at its newest."""
    datamart = Datamart.at(f"{root}/datamart", of_persons())
    log, found = datamart.log, {}
    reader = open_store("spark", datamart, None).spark.read.format("delta")
    for table in (each for each in of_persons().tables if each.layer != "ledger"):
        for version in {min(1, log.version(table) or 0), log.version(table)}:
            rows = reader.option("versionAsOf", version).load(log.uri(table))
            found[f"{table.full_name} {version}"] = sorted(map(repr, rows.collect()))
    return found


def feeds_by_spark(root: str) -> dict[str, Rows]:
    """The change feed of each table."""
    datamart = Datamart.at(f"{root}/datamart", of_persons())
    log = datamart.log
    spark, found = open_store("spark", datamart, None).spark, {}
    for table in (each for each in of_persons().tables if each.layer != "ledger"):
        feed = spark.read.format("delta").option("readChangeFeed", "true")
        rows = feed.option("startingVersion", 0).load(log.uri(table))
        found[table.full_name] = sorted(map(repr, rows.collect()))
    return found


@pytest.mark.spark
@pytest.mark.slow
def test_tables_that_spark_wrote_can_be_erased_from_read_and_merged_into(
    on_spark: OnSpark, tmp_path: Path
) -> None:
    bank, root = Bank(tmp_path), str(tmp_path)
    generate(tmp_path / "data", customers=6, months=1, seed=5)
    person = raw_rows(tmp_path / "data" / PERSONS)[0]
    world = World(bank, person["Customer_ID"], person["SSN"], person["Name"])
    on_spark(built_by_spark, root)
    corrected(tmp_path / "data" / PERSONS, "Age", "44", every=1)
    on_spark(built_by_spark, root)
    before, feeds = on_spark(read_by_spark, root), on_spark(feeds_by_spark, root)
    assert any(tmp_path.rglob("*.crc")), "a checksum of Spark"

    erase(Datamart.at(bank.datamart, of_persons()), tmp_path / "data", world.customer)

    assert on_spark(read_by_spark, root) == less_the_person(world, before) != before
    assert on_spark(feeds_by_spark, root) == less_the_person(world, feeds) != feeds
    assert holders(world) == set()
    bank.change(PERSONS, lambda rows: rows[rows.Customer_ID != world.customer].assign(Age="50"))
    on_spark(built_by_spark, root)
    rows = bank.log.read(load().table("silver.attributes"))
    assert {row["age"] for row in rows} == {50} and len(rows) == 5

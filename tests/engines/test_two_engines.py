"""Embedded and Spark write the same tables, and read each other's versions, feed and metadata."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse import Lakehouse
from lakehouse.catalog import load
from lakehouse.cli import main
from lakehouse.engines import choose as choosing
from lakehouse.engines.choose import choose, embedded_up_to
from lakehouse.engines.sizing import memory_bytes
from lakehouse.engines.spark import SparkStore
from lakehouse.engines.spark_session import for_work, start
from lakehouse.generate import generate
from lakehouse.releases import published
from lakehouse.releases.release import Release
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.layout import LEDGER_COPIES
from lakehouse.storage.log import Log
from lakehouse.training.build import reproduce
from tests.on_spark import OnSpark

ROOT = Path(__file__).parent.parent.parent
CATALOG = load()
DATA_TABLES = [table.full_name for table in CATALOG.tables if table.layer != "ledger"]
LARGE = embedded_up_to(memory_bytes())
CLICKS = "feature_clickstream.csv"
WITH_A_LINE_FEED = {
    "features_attributes.csv": r"[0-9]{3}-[0-9]{2}-[0-9]{4}",
    "features_financials.csv": r"[0-9]+ Years? and [0-9]+ Months?",
}
CLICKS_TABLE = "gold.features_clickstream"

Row = dict[str, Any]


@dataclass(frozen=True)
class Bank:
    """Raw files and the datamart made of them, by main.py in processes."""

    data: Path
    datamart: Path

    def argv(self, engine: str, *arguments: str) -> list[str]:
        # A user names a folder beside the program, as `datamart`.
        places = ["--data", str(self.data), "--datamart", os.path.relpath(self.datamart, ROOT)]
        return ["run", *places, "--engine", engine, "--json", *arguments]

    def run(self, engine: str, *arguments: str) -> Any:
        return json.loads(in_process(self.argv(engine, *arguments)))

    @property
    def log(self) -> Log:
        return Log(str(self.datamart))

    def rows(self, name: str, version: int | None = None) -> dict[tuple[Any, ...], Row]:
        """Rows by key, without the columns about the writing."""
        table = CATALOG.table(name)
        hidden = {*table.unversioned, "mended_run_id"}
        found = self.log.read(table, version)
        by_key = {
            tuple(row[key] for key in table.keys): {
                column: value for column, value in row.items() if column not in hidden
            }
            for row in found
        }
        assert len(by_key) == len(found), f"{name} has a key twice"
        return by_key

    def release(self, number: int) -> Release:
        return published.release(self.log, number)

    def training_set(self, engine: str, out: Path, *arguments: str) -> Any:
        """The receipt of a training set that is built, or built again."""
        places = ["--datamart", str(self.datamart), "--out", str(out)]
        argv = ["training-set", *places, "--engine", engine, "--json", *arguments]
        return json.loads(in_process(argv))


def in_process(argv: list[str]) -> str:
    """What main.py prints as a process of its own."""
    command = [sys.executable, "main.py", *argv]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def differing_rows(left: Bank, right: Bank) -> dict[str, Any]:
    """The first row of each table in which two datamarts part; {} where they are equal."""
    found = {}
    for name in DATA_TABLES:
        a, b = left.rows(name), right.rows(name)
        keys = sorted((key for key in a.keys() | b.keys() if a.get(key) != b.get(key)), key=str)
        if keys:
            pair = a.get(keys[0], {}), b.get(keys[0], {})
            cells = {c: (pair[0].get(c), pair[1].get(c)) for c in {**pair[0], **pair[1]}}
            parted = {c: two for c, two in cells.items() if two[0] != two[1]}
            found[name] = (len(keys), keys[0], parted)
    return found


def encodings_of_doubles(bank: Bank, name: str) -> set[str]:
    """How the first file of a table holds its doubles."""
    table = CATALOG.table(name)
    doubles = {field.name for field in table.fields if field.type == "DOUBLE"}
    group = pq.ParquetFile(bank.log.open(table).file_uris()[0]).metadata.row_group(0)
    columns = map(group.column, range(group.num_columns))
    return {
        each for column in columns if column.path_in_schema in doubles for each in column.encodings
    }


def lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def march_rows(file: Path) -> list[str]:
    return [line for line in lines(file) if line.endswith("2023-03-01")]


def replace_line(file: Path, old: str, *new: str) -> None:
    before = lines(file)
    at = before.index(old)
    after = [*before[:at], *new, *before[at + 1 :]]
    file.write_text("\n".join(after) + "\n", encoding="utf-8")


def with_other_first_cell(line: str) -> str:
    return f"4321,{line.split(',', 1)[1]}"


def make_raw(folder: Path) -> Path:
    """Small files of twelve months, with a damaged and a repeated row, and line feeds behind cells."""
    generate(folder, customers=12, months=12, seed=11)
    clicks = folder / CLICKS
    first, second, *_ = march_rows(clicks)
    replace_line(clicks, first, first.split(",", 1)[1])
    replace_line(clicks, second, second, second)
    of_april = next(line for line in lines(clicks) if line.endswith("2023-04-01"))
    replace_line(clicks, of_april, '"12', f'",{of_april.split(",", 1)[1]}')
    for name, form in WITH_A_LINE_FEED.items():
        text, count = re.subn(form, r'"\g<0>\n"', (folder / name).read_text("utf-8"), count=1)
        assert count == 1
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="module")
def by_embedded(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    root = tmp_path_factory.mktemp("by_embedded")
    bank = Bank(make_raw(root / "data"), root / "datamart")
    assert bank.run("embedded")["engine"] == "embedded"
    return bank


@pytest.fixture(scope="module")
def by_spark(by_embedded: Bank, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    bank = Bank(by_embedded.data, tmp_path_factory.mktemp("by_spark") / "datamart")
    assert bank.run("spark")["engine"] == "spark"
    return bank


@pytest.fixture(scope="module")
def by_turns(tmp_path_factory: pytest.TempPathFactory, on_spark: OnSpark) -> Bank:
    """Release 1 by embedded through June; 2 by Spark through December, with a corrected and a
    vanished row of March; 3 by embedded, with a corrected and a late row and all the rest."""
    root = tmp_path_factory.mktemp("by_turns")
    bank = Bank(make_raw(root / "data"), root / "datamart")
    clicks = bank.data / CLICKS
    bank.run("embedded", "--through", "2023-06")

    _damaged, _repeated, _copy, _another, *_, vanishing, corrected = march_rows(clicks)
    replace_line(clicks, vanishing)
    replace_line(clicks, corrected, with_other_first_cell(corrected))
    assert on_spark(main, bank.argv("spark", "--through", "2023-12")) == 0

    another = march_rows(clicks)[3]
    replace_line(clicks, another, with_other_first_cell(another), vanishing)
    bank.run("embedded")
    assert [row.engine for row in published.releases(bank.log)] == [
        "embedded",
        "spark",
        "embedded",
    ]
    return bank


@pytest.fixture(scope="module")
def training_sets(by_turns: Bank) -> list[Any]:
    """Receipts of a labelled training set and of a scored spine, built by embedded."""
    spine = by_turns.data.with_name("spine.csv")
    spine.write_text(
        "customer_id,application_date,a`b\n"
        + "".join(
            f"{row['customer_id']},6/30/2023,x\n" for row in by_turns.rows(CLICKS_TABLE).values()
        )
        + "CUS_nobody,2023-06-30,\n"
    )
    asked = [
        ["--release", "2"],
        ["--release", "2", "--spine", str(spine), "--features", "age,fe_1"],
    ]
    return [
        by_turns.training_set("embedded", by_turns.data.with_name(f"embedded_{n}"), *arguments)
        for n, arguments in enumerate(asked)
    ]


def seen(datamart: Path, ids: list[str], out: Path) -> dict[str, Any]:
    """What a Spark session sees of a datamart of three releases, and builds of it."""
    lake = Lakehouse(datamart, engine="spark")
    releases, clicks = lake.releases(), "silver.clickstream"
    versions = [dict(releases.loc[n, "versions"]) for n in (1, 2, 3)]
    finished = [releases.loc[n, "finished_at"] for n in (1, 2, 3)]

    def count(name: str, as_of: str) -> int:
        return int(lake.spark.sql(f"SELECT count(*) FROM {name} {as_of}").collect()[0][0])

    def feed(name: str, first: int, last: int) -> list[list[str]]:
        reader = lake.spark.read.format("delta").option("readChangeFeed", "true")
        changes = reader.option("startingVersion", first).option("endingVersion", last).table(name)
        return sorted(map(list, changes.select("_change_type", "month").collect()))

    mart = Datamart.at(datamart, CATALOG)
    uri = mart.log.uri(CATALOG.table(clicks))
    history = lake.spark.sql(f"DESCRIBE HISTORY delta.`{uri}`").select("version", "userMetadata")
    for n, id_ in enumerate(ids):
        reproduce(SparkStore(mart), id_, out / f"spark_{n}")
    return {
        "counts": {
            name: [count(name, f"VERSION AS OF {each[name]}") for each in versions]
            for name in DATA_TABLES
        },
        "at": [lake.at(release=n).table(clicks).count() for n in (1, 2, 3)],
        "at_time": [lake.at(timestamp=moment).release for moment in finished],
        "at_month": [lake.at(month=month).release for month in ("2023-06", "2023-11", "2024-12")],
        "then": [
            count(clicks, f"TIMESTAMP AS OF '{moment:%Y-%m-%d %H:%M:%S.%f}'")
            for moment in finished[:2]
        ],
        "built": lake.receipt(lake.training_set(release=3, features="age")).training_set_id,
        "feed": feed(clicks, versions[1][clicks] + 1, versions[2][clicks]),
        "metadata": {row["version"]: row["userMetadata"] for row in history.collect()},
    }


@pytest.fixture(scope="module")
def seen_by_spark(by_turns: Bank, training_sets: list[Any], on_spark: OnSpark) -> Any:
    ids = [made["training_set_id"] for made in training_sets]
    return on_spark(seen, by_turns.datamart, ids, by_turns.data.parent)


@pytest.mark.spark
def test_the_raw_files_of_these_tests_have_a_damaged_and_a_repeated_row(by_embedded: Bank) -> None:
    assert len(by_embedded.rows("bronze.quarantine")) == 1
    assert len(by_embedded.rows("bronze.clickstream")) == len(lines(by_embedded.data / CLICKS)) - 4
    names = [f"silver.{each}" for each in ("clickstream", "attributes", "financials")]
    issues = {
        why for name in names for row in by_embedded.rows(name).values() for why in row["_issues"]
    }
    # A line feed behind a cell is a blank around it, and no part of a number or a text.
    assert issues
    assert not issues & {
        "fe_1: not a number",
        "ssn_valid: not well-formed",
        "credit_history_months: not like `10 Years and 9 Months`",
    }
    assert by_embedded.rows("gold.label_store")


@pytest.mark.spark
def test_either_engine_builds_the_same_rows_of_every_table(
    by_embedded: Bank, by_spark: Bank
) -> None:
    assert differing_rows(by_embedded, by_spark) == {}


@pytest.mark.spark
def test_either_engine_makes_tables_of_the_same_columns_and_types(
    by_embedded: Bank, by_spark: Bank
) -> None:
    for name in DATA_TABLES:
        table = CATALOG.table(name)
        assert by_spark.log.columns(table) == by_embedded.log.columns(table)


@pytest.mark.spark
def test_either_engine_writes_measured_numbers_without_a_dictionary(
    by_embedded: Bank, by_spark: Bank
) -> None:
    for bank in (by_embedded, by_spark):
        encodings = encodings_of_doubles(bank, "silver.loan_daily")
        assert encodings
        assert "DICTIONARY" not in " ".join(encodings), bank.datamart


@pytest.mark.spark
def test_either_engine_tells_the_same_of_its_release(by_embedded: Bank, by_spark: Bank) -> None:
    told = ("months", "through", "row_counts", "sources", "code", "code_fingerprint")
    embedded, spark = by_embedded.release(1), by_spark.release(1)
    assert {name: getattr(spark, name) for name in told} == {
        name: getattr(embedded, name) for name in told
    }


@pytest.mark.spark
def test_nothing_is_pending_for_one_engine_after_the_other(by_spark: Bank) -> None:
    report = by_spark.run("embedded")

    assert (report["engine"], report["published"], report["release"]) == ("none", [], 1)


@pytest.mark.spark
def test_a_full_refresh_by_the_other_engine_changes_no_row(by_spark: Bank) -> None:
    versions = by_spark.release(1).versions

    by_spark.run("embedded", "--full-refresh")

    assert {name: by_spark.log.version(CATALOG.table(name)) for name in DATA_TABLES} == versions


@pytest.mark.spark
def test_a_datamart_written_by_turns_equals_one_built_by_embedded_from_the_final_files(
    by_turns: Bank, tmp_path: Path
) -> None:
    alone = Bank(by_turns.data, tmp_path / "datamart")
    alone.run("embedded")

    assert differing_rows(by_turns, alone) == {}


@pytest.mark.spark
def test_what_spark_corrected_and_deleted_is_what_delta_rs_reads_of_that_version(
    by_turns: Bank,
) -> None:
    one, two = (by_turns.release(n).versions["silver.clickstream"] for n in (1, 2))
    before, after = (by_turns.rows("silver.clickstream", version) for version in (one, two))

    changed = {key for key in before if before[key] != after.get(key)}

    assert len(changed) == 2
    assert len([key for key in changed if key not in after]) == 1
    assert {after[key]["fe_1"] for key in changed if key in after} == {4321}


@pytest.mark.spark
def test_delta_rs_reads_the_change_feed_of_versions_that_spark_wrote(by_turns: Bank) -> None:
    table = CATALOG.table("silver.clickstream")
    one, two = (by_turns.release(n).versions[table.full_name] for n in (1, 2))
    assert two > one

    feed = by_turns.log.open(table).load_cdf(one + 1, two, columns=["_change_type", "month"])
    rows = pa.table(feed.read_all()).to_pylist()

    of_march = sorted(row["_change_type"] for row in rows if row["month"] == "2023-03")
    assert of_march == ["delete", "update_postimage", "update_preimage"]
    inserted = {row["month"] for row in rows if row["_change_type"] == "insert"}
    assert inserted == {f"2023-{month:02d}" for month in range(7, 13)}


@pytest.mark.spark
def test_embedded_reads_what_spark_said_of_its_commit(by_turns: Bank) -> None:
    table = CATALOG.table("silver.clickstream")
    release = by_turns.release(2)
    version = release.versions[table.full_name]

    (commit,) = [c for c in by_turns.log.history(table) if c.version == version]

    assert "Spark" in commit.engine
    assert commit.note.run_id == release.run_id
    bronze = release.versions["bronze.clickstream"]
    assert commit.note.consumed == {"bronze.clickstream": bronze}


@pytest.mark.spark
def test_spark_reads_every_version_that_either_engine_wrote(
    by_turns: Bank, seen_by_spark: Any
) -> None:
    releases = [by_turns.release(n).row_counts for n in (1, 2, 3)]

    assert seen_by_spark["counts"] == {
        name: [counts[name] for counts in releases] for name in DATA_TABLES
    }
    assert seen_by_spark["at"] == [counts["silver.clickstream"] for counts in releases]


@pytest.mark.spark
def test_spark_reads_the_change_feed_of_versions_that_delta_rs_wrote(seen_by_spark: Any) -> None:
    assert seen_by_spark["feed"] == [
        ["insert", "2023-03"],
        ["update_postimage", "2023-03"],
        ["update_preimage", "2023-03"],
    ]


@pytest.mark.spark
def test_spark_reads_what_embedded_said_of_its_commit(by_turns: Bank, seen_by_spark: Any) -> None:
    for number in (1, 3):
        release = by_turns.release(number)
        version = release.versions["silver.clickstream"]
        said = json.loads(seen_by_spark["metadata"][version])
        assert said["run_id"] == release.run_id


@pytest.mark.spark
def test_spark_finds_the_release_of_a_time_and_of_a_month(
    by_turns: Bank, seen_by_spark: Any
) -> None:
    assert seen_by_spark["at_time"] == [1, 2, 3]
    assert seen_by_spark["at_month"] == [1, 1, 3]
    # A time after the newest commit of a table Delta on Spark refuses.
    counts = [by_turns.release(n).row_counts["silver.clickstream"] for n in (1, 2)]
    assert seen_by_spark["then"] == counts


@pytest.mark.spark
def test_spark_builds_a_training_set_of_embedded_again_to_the_same_bytes(
    by_turns: Bank, training_sets: list[Any], seen_by_spark: Any
) -> None:
    assert len(seen_by_spark["at"]) == 3
    for n, made in enumerate(training_sets):
        assert made["engine"] == "embedded" and made["row_count"] > 5
        one, other = (by_turns.data.with_name(f"{name}_{n}") for name in ("embedded", "spark"))
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.spark
def test_embedded_builds_a_training_set_of_spark_again_and_a_new_one_of_the_same_hash(
    by_turns: Bank, seen_by_spark: Any, tmp_path: Path
) -> None:
    id_ = seen_by_spark["built"]
    by_embedded = by_turns.training_set("embedded", tmp_path / "again", "--reproduce", id_)
    assert (by_embedded["training_set_id"], by_embedded["engine"]) == (id_, "spark")

    copy = Bank(by_turns.data, Path(shutil.copytree(by_turns.datamart, tmp_path / "datamart")))
    for layer in ("ledger", LEDGER_COPIES):
        shutil.rmtree(copy.datamart / layer / "training_sets")
    copy.log.create(CATALOG.table("ledger.training_sets"))
    asked = ["--release", "3", "--features", "age"]
    anew = copy.training_set("embedded", tmp_path / "anew", *asked)
    assert anew["engine"] == "embedded"
    assert (anew["training_set_id"], anew["content_hash"]) == (id_, by_embedded["content_hash"])
    assert (tmp_path / "anew").read_bytes() == (tmp_path / "again").read_bytes()


# Which engine runs


def test_auto_takes_spark_with_one_line_where_pysail_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choosing, "find_spec", lambda name: None if name == "pysail" else object())
    notes: list[str] = []

    assert choose("auto", None, 0, notes.append) == "spark"
    (note,) = notes
    assert "pysail" in note and "Spark" in note and "\n" not in note


def test_auto_takes_embedded_silently_where_pysail_is_there() -> None:
    notes: list[str] = []

    assert choose("auto", None, LARGE - 1, notes.append) == "embedded"
    assert notes == []


@pytest.mark.parametrize(("master", "raw_bytes"), [("spark://host:7077", 0), (None, LARGE)])
def test_auto_takes_spark_for_a_master_or_large_files(master: str | None, raw_bytes: int) -> None:
    assert choose("auto", master, raw_bytes, lambda _note: None) == "spark"


def test_auto_takes_spark_for_smaller_files_where_there_is_little_memory() -> None:
    little, ample = (embedded_up_to(gib << 30) for gib in (7, 8))
    assert 0 < little < ample


@pytest.mark.parametrize("asked", ["embedded", "spark"])
def test_an_engine_that_is_asked_for_is_taken_whatever_the_size(asked: str) -> None:
    assert choose(asked, None, LARGE, lambda _note: None) == asked
    assert choose(asked, None, 0, lambda _note: None) == asked


def test_a_run_without_pysail_and_java_says_in_a_line_each_what_it_takes_and_what_is_missing(
    tmp_path: Path,
) -> None:
    """No engine is started for this test: its process finds neither."""
    (tmp_path / "sitecustomize.py").write_text(
        "from importlib.machinery import PathFinder\n"
        "find = PathFinder.find_spec\n"
        "PathFinder.find_spec = lambda name, *a: None if name == 'pysail' else find(name, *a)\n"
    )
    (tmp_path / "no_java").mkdir()
    generate(tmp_path / "data", customers=2, months=1, seed=1)
    env = {name: value for name, value in os.environ.items() if name != "JAVA_HOME"}
    env |= {
        "PYTHONPATH": str(tmp_path),
        "PATH": str(tmp_path / "no_java"),
        "LAKEHOUSE_ENGINE": "auto",
    }
    places = ["--data", str(tmp_path / "data"), "--datamart", str(tmp_path / "datamart")]

    done = subprocess.run(
        [sys.executable, "main.py", *places], cwd=ROOT, env=env, capture_output=True, text=True,
        check=False,
    )  # fmt: skip

    assert done.returncode == 1
    told = done.stderr.splitlines()
    assert len([line for line in told if line.startswith("note: pysail is not installed")]) == 1
    errors = [line for line in told if line.startswith("error: ")]
    assert len(errors) == 1 and "Java" in errors[0]
    assert "Traceback" not in done.stderr


def test_spark_on_one_machine_compiles_and_adapts_in_long_work_alone() -> None:
    short, long = for_work(10 << 20, cores=2), for_work(1 << 30, cores=2)
    assert short["spark.sql.shuffle.partitions"] == "2"
    assert short["spark.sql.adaptive.enabled"] == "false"
    assert "TieredStopAtLevel=1" in short["spark.driver.extraJavaOptions"]
    assert long.keys() == {"spark.driver.extraJavaOptions"}
    assert "TieredStopAtLevel" not in long["spark.driver.extraJavaOptions"]


def count_to(n: int) -> int:
    return start(None).range(n).count()


@pytest.mark.spark
def test_spark_starts_from_a_process_that_is_on_the_embedded_engine(on_spark: OnSpark) -> None:
    # That process has inherited the variables of Connect.
    assert on_spark(count_to, 3) == 3

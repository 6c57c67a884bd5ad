"""Training sets end to end: what is in them, their receipts, and the same bytes years later."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.catalog import Catalog, load
from lakehouse.cli import main
from lakehouse.cli.exit_codes import exit_code
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.exclusion import Exclusion
from lakehouse.gold.features_attributes import TABLE as ATTRIBUTES
from lakehouse.gold.label_store import DEFINITIONS
from lakehouse.label import LabelDefinition
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.ledger.training_sets import TABLE as TRAINING_SETS
from lakehouse.months import MonthRange
from lakehouse.progress import silent
from lakehouse.releases import ledger_rows, published
from lakehouse.releases.readable import check_readable
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.layout import LEDGER_COPIES
from lakehouse.table import Field
from lakehouse.training import sets
from lakehouse.training.build import build, reproduce
from lakehouse.training.content_hash import ContentHash
from lakehouse.training.receipts import Receipt, receipts
from lakehouse.training.sets import Asked, TrainingSet, prepare, spine_folder
from lakehouse.upkeep.backup import backup
from lakehouse.upkeep.restore import restore
from tests.bank import CORRECTED, EARLY, FULL, LATER_DAY, SOME, Bank, rows

ROOT = Path(__file__).parent.parent.parent
CATALOG = load()
SPINE_COLUMNS = [
    "loan_id", "customer_id", "application_date", "label", "label_def", "label_observed"
]  # fmt: skip


@pytest.fixture(scope="module")
def bank(pristine: Bank, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """A copy in which tests may build, and change nothing else."""
    return pristine.copied(tmp_path_factory.mktemp("shared") / "bank")


@pytest.fixture
def own(pristine: Bank, tmp_path: Path) -> Bank:
    """A copy that a test may change."""
    return pristine.copied(tmp_path / "bank")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "train.parquet"


def hash_of(table: pa.Table) -> str:
    digest = ContentHash(table.schema)
    for batch in table.to_batches(max_chunksize=7):
        digest.update(batch)
    return digest.hexdigest()


def early(bank: Bank) -> Receipt:
    """The receipt of the training set of the first release, built before there was another."""
    return receipts(bank.log)[0]


# What is in it


def by_duckdb(bank: Bank, asked: TrainingSet) -> list[dict[str, Any]]:
    """The training set by DuckDB's own as-of join, over the Delta tables of the release."""
    sql = duckdb.connect()
    assert asked.selection.label is not None
    sql.register("labels", bank.arrow("gold.label_store", asked.release))
    sql.execute(
        """CREATE TEMP TABLE spine AS
        SELECT DISTINCT ON (loan_id)
            loan_id, customer_id, application_date, label, label_def, snapshot_date AS label_observed
        FROM labels WHERE label_def = ? ORDER BY loan_id, snapshot_date""",
        [asked.selection.label.name],
    )
    joined = "spine"
    for group in asked.selection.groups:
        sql.register(group.name, bank.arrow(group.table, asked.release))
        features = ", ".join(f'f."{name}"' for name in group.features)
        sql.execute(
            f"""CREATE TEMP TABLE of_{group.name} AS
            WITH newest AS (
                SELECT loan_id, s.customer_id, s.application_date, f.snapshot_date
                FROM spine s ASOF JOIN {group.name} f ON s.customer_id = f.customer_id
                AND s.application_date - INTERVAL {group.delay_days} DAY >= f.snapshot_date
            )
            SELECT loan_id, {features}, snapshot_date AS {group.date_column}
            FROM newest JOIN {group.name} f USING (customer_id, snapshot_date)
            WHERE snapshot_date >= application_date - INTERVAL {group.max_age_months} MONTH"""
        )
        joined += f" LEFT JOIN of_{group.name} USING (loan_id)"
    return list(sql.sql(f"FROM {joined} ORDER BY loan_id").to_arrow_table().to_pylist())


@pytest.mark.parametrize(
    ("release", "definition"),
    [(EARLY, "30dpd_6mob"), *((CORRECTED, each.name) for each in DEFINITIONS)],
)
def test_it_equals_an_as_of_join_by_duckdb(
    bank: Bank, out: Path, release: int, definition: str
) -> None:
    expected = by_duckdb(bank, bank.prepared(release, label_def=definition, features=SOME))
    made = bank.build(release, out, label_def=definition, features=SOME)
    assert rows(out) == expected and len(expected) == made.row_count > 2
    assert {row["label_def"] for row in expected} == {definition}


def test_with_every_feature_and_other_delays_and_ages_it_equals_an_as_of_join_by_duckdb(
    bank: Bank, out: Path
) -> None:
    declared = bank.prepared(FULL)
    groups = (
        replace(group, delay_days=days, max_age_months=months)
        for group, days, months in zip(
            declared.selection.groups, (1, 40, 0), (12, 1, 1), strict=True
        )
    )
    selection = replace(declared.selection, groups=tuple(groups))
    other = TrainingSet(bank.store, FULL, bank.versions(FULL), selection)
    build(other, bank.store, out)
    expected = by_duckdb(bank, other)
    assert rows(out) == expected != by_duckdb(bank, declared)


def test_its_columns_are_those_of_the_contract(bank: Bank, out: Path) -> None:
    bank.build(FULL, out)
    expected = list(SPINE_COLUMNS)
    for table in CATALOG.feature_groups:
        assert table.group is not None
        expected += [field.name for field in table.features] + [f"{table.group.name}_snapshot_date"]
    schema = pq.read_schema(out)
    assert schema.names == expected
    assert schema.field("application_date").type == schema.field("clickstream_snapshot_date").type
    assert schema.field("application_date").type == pa.date32()


def why_left_out(days: list[dict[str, Any]], mob: int, newest_day: date) -> str:
    """Why a loan of these days has no label at a month on book, in plain Python."""
    last = max(days, key=lambda day: day["snapshot_date"])
    age = max(day["mob"] for day in days)
    if any(day["mob"] == mob for day in days):
        return "dpd_unknown"
    if age >= mob:
        return "not_seen_at_label_mob"
    month = last["snapshot_date"].month - 1 + mob - age
    if date(last["snapshot_date"].year + month // 12, month % 12 + 1, 1) > newest_day:
        return "too_young"
    if last["balance"] <= 0:
        return "closed_early"
    return "written_off" if (last["dpd"] or 0) > 0 else "no_longer_reported"


@pytest.mark.parametrize("definition", DEFINITIONS[:3], ids=lambda each: each.name)
@pytest.mark.parametrize("release", [EARLY, FULL])
def test_every_loan_is_labelled_or_left_out_for_one_reason(
    bank: Bank, release: int, definition: LabelDefinition
) -> None:
    asked = bank.prepared(release, label_def=definition.name, features=("age",))
    made = asked.waterfall()
    labels, left_out = made.rows, made.left_out
    assert asked.spine.count() == labels
    days_by_loan: dict[str, list[dict[str, Any]]] = {}
    for day in bank.arrow("silver.loan_daily", release).to_pylist():
        assert day["snapshot_date"].day == 1
        days_by_loan.setdefault(day["loan_id"], []).append(day)
    newest_day = max(day["snapshot_date"] for days in days_by_loan.values() for day in days)
    reasons = Counter(
        why_left_out(days, definition.mob, newest_day)
        for days in days_by_loan.values()
        if not any(day["mob"] == definition.mob and day["dpd"] is not None for day in days)
    )
    assert labels == len(days_by_loan) - reasons.total()
    assert left_out == {"too_young": 0, "not_seen_at_label_mob": 0, **reasons}
    assert labels + sum(left_out.values()) == len(days_by_loan)
    assert bool(left_out["too_young"]) == (release == EARLY and definition.mob == 6)
    without_label = [left_out.get(name, 0) for name in ("not_seen_at_label_mob", "dpd_unknown")]
    assert without_label == ([1, 1] if definition.mob == 6 else [0, 0])


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda each: each.name)
def test_every_loan_of_the_months_is_in_one_line_of_the_waterfall(
    bank: Bank, out: Path, definition: LabelDefinition
) -> None:
    known_by = date(2023, 12, 1)
    asked = {"label_def": definition.name, "labels_known_by": known_by, "features": ("age",)}
    everybody = bank.build(FULL, **asked)
    made = bank.build(FULL, out, **asked, exclude=("under_21", "no_income"))
    lines = dict(made.waterfall)
    assert list(lines)[-3:] == ["excluded_no_income", "excluded_under_21", "rows"]
    assert lines.pop("loans") == sum(lines.values()) == len(loans_of(bank, FULL))
    assert lines.pop("rows") == made.row_count == len(rows(out))
    assert lines == made.left_out
    told = pq.read_metadata(out).metadata[b"lakehouse.waterfall"]
    assert json.loads(told) == made.waterfall
    excluded = made.left_out["excluded_no_income"] + made.left_out["excluded_under_21"]
    assert everybody.row_count == made.row_count + excluded
    assert {row["label"] for row in rows(out)} <= {0, 1}


def loans_of(bank: Bank, release: int) -> set[str]:
    return {row["loan_id"] for row in bank.arrow("silver.loan_daily", release).to_pylist()}


def test_an_excluded_loan_is_not_in_the_set_and_the_set_can_be_built_again(
    bank: Bank, out: Path
) -> None:
    everybody = by_duckdb(bank, bank.prepared(FULL, features=("age", "occupation")))
    made = bank.build(FULL, out, features=("age",), exclude=("occupation_unknown",))
    kept = [row["loan_id"] for row in everybody if row["occupation"] is not None]
    assert [row["loan_id"] for row in rows(out)] == kept
    assert made.left_out["excluded_occupation_unknown"] == len(everybody) - len(kept) > 0
    assert reproduce(bank.store, made.training_set_id) == made
    before = bank.build(FULL, features=("age",))
    assert before.training_set_id != made.training_set_id
    assert "exclusions" not in json.loads(before.parameters)


def test_a_double_count_is_refused(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = bank.prepared(FULL, features=("age",), exclude=("under_21",))

    def planted(*given: Any) -> DataFrame:
        loans, _ = given
        first = loans.agg(F.min("loan_id")).collect()[0][0]
        out = loans.where(F.col("loan_id") == first).select(
            "loan_id", "customer_id", "application_date"
        )
        out = out.withColumn("_excluded_by", F.lit("under_21"))
        return out.union(out)

    monkeypatch.setattr(sets, "excluded", planted)
    with pytest.raises(LakehouseError, match="a loan is in two lines or in none"):
        asked.waterfall()


@pytest.mark.parametrize(
    ("exclusion", "why"),
    [
        (Exclusion("x", "", "label = 1"), "the condition of x cannot be computed"),
        (Exclusion("x", "", "dpd > 0", (("silver.loan_daily", ("dpd",)),)), "no application may"),
        (Exclusion("x", "", "a > 0", (("silver.attributes", ("a",)),)), "release 2 lacks"),
    ],
)
def test_an_exclusion_sees_no_outcome_and_nothing_that_is_not_there(
    bank: Bank, exclusion: Exclusion, why: str
) -> None:
    catalog = replace(CATALOG, exclusions=(exclusion,))
    with pytest.raises(BadInput, match=why):
        bank.prepared(FULL, catalog, features=("age",), exclude=("x",)).waterfall()


@pytest.mark.parametrize(
    ("condition", "what"),
    [
        ("application_date < current_date", "current_date"),
        ("application_date < `now`()", "now"),
        ("application_date < DATE 'today'", "DATE"),
        ("rand() < 0.5", "rand"),
        ("loan_id = uuid ()", "uuid"),
        ("age > (SELECT max(label) FROM labels)", "SELECT"),
        ("max(age) OVER (PARTITION BY 1) > 30", "OVER"),
    ],
)
def test_an_exclusion_that_could_answer_otherwise_tomorrow_cannot_be_declared(
    condition: str, what: str
) -> None:
    with pytest.raises(BadInput, match=f"exclusion x: its condition uses {what}"):
        Exclusion("x", "", condition)


@pytest.mark.parametrize("condition", ["occupation = 'now ()'", "random_score > 1", "now > 1"])
def test_a_text_or_a_column_with_such_a_name_is_no_call(condition: str) -> None:
    assert Exclusion("x", "", condition).condition == condition


def test_an_unknown_exclusion_is_refused_with_what_is_close(bank: Bank) -> None:
    with pytest.raises(BadInput, match=r"no exclusion is called 'no_incom'; is it no_income\?"):
        bank.prepared(FULL, exclude=("no_incom",))


def test_labels_observed_after_a_day_are_left_out_and_counted(bank: Bank, out: Path) -> None:
    everything = by_duckdb(bank, bank.prepared(FULL, features=("age",)))
    days = sorted({row["label_observed"] for row in everything})
    for day in (days[0], days[1], days[-1]):
        made = bank.build(FULL, out, features=("age",), labels_known_by=day)
        expected = [row for row in everything if row["label_observed"] <= day]
        assert rows(out) == expected
        assert made.left_out["label_observed_later"] == len(everything) - len(expected)
        others = bank.build(FULL, features=("age",)).left_out
        assert {**others, **made.left_out} == made.left_out


def test_a_day_before_the_first_label_is_refused_with_the_count(bank: Bank, out: Path) -> None:
    with pytest.raises(BadInput, match=r"known by 2020-01-01 \(loans: .* [1-9]\d* label observed"):
        bank.build(FULL, out, labels_known_by=date(2020, 1, 1))


def test_the_receipt_keeps_the_day_and_the_set_is_built_again_by_it(
    bank: Bank, tmp_path: Path
) -> None:
    one, other = tmp_path / "one.parquet", tmp_path / "other.parquet"
    day = bank.arrow("gold.label_store", FULL)["snapshot_date"].to_pylist()[0]
    made = bank.build(FULL, one, features=SOME, labels_known_by=day)
    assert made.selection.labels_known_by == day
    assert bank.reproduce(made, other) == made
    assert one.read_bytes() == other.read_bytes()


def test_a_set_is_built_again_from_a_restored_backup(own: Bank, tmp_path: Path) -> None:
    spine = tmp_path / "spine.csv"
    spine.write_text("customer_id,application_date\nCUS_0x1000,2023-06-01\n", encoding="utf-8")
    made = [early(own), own.build(CORRECTED, features=("age",), spine=spine)]
    backup(own.store.datamart, tmp_path / "kept", silent)
    shutil.rmtree(own.datamart)
    restore(own.store.datamart, tmp_path / "kept", None, False, silent)
    assert [own.reproduce(receipt) for receipt in made] == made
    for release in published.releases(own.log):
        check_readable(own.log, release.pins, CATALOG.data)


def test_a_label_counts_as_first_observed_and_a_later_day_changes_nothing(bank: Bank) -> None:
    before, after = (bank.arrow("gold.label_store", each) for each in (FULL, LATER_DAY))
    assert after.num_rows > before.num_rows
    assert len(set(after["label"].to_pylist())) == 2
    one, other = (bank.build(each, groups=("attributes",)) for each in (FULL, LATER_DAY))
    assert (one.content_hash, one.row_count) == (other.content_hash, other.row_count)


def test_what_was_corrected_later_is_not_seen_with_the_release_and_is_seen_without(
    bank: Bank, tmp_path: Path
) -> None:
    ages = {}
    for release in (EARLY, LATER_DAY, CORRECTED):
        bank.build(release, tmp_path / f"{release}.parquet", groups=("attributes",))
        found = rows(tmp_path / f"{release}.parquet")
        ages[release] = {row["loan_id"]: row["age"] for row in found}
    first = rows(bank.root / "early.parquet")[0]["loan_id"]
    assert ages[EARLY][first] == ages[LATER_DAY][first] != 70
    assert ages[CORRECTED] == {**ages[LATER_DAY], first: 70}


def test_groups_features_and_months_are_a_choice(bank: Bank, out: Path) -> None:
    everything = {row["loan_id"]: row for row in by_duckdb(bank, bank.prepared(FULL))}
    choice = {"groups": ("clickstream", "attributes"), "features": ("age", "fe_2_mean_3m")}
    made = bank.build(FULL, out, months=MonthRange("2023-03", "2023-05"), **choice)
    columns = [*SPINE_COLUMNS, "age", "attributes_snapshot_date", "fe_2_mean_3m"]
    assert pq.read_schema(out).names == [*columns, "clickstream_snapshot_date"]
    expected = [
        row
        for row in everything.values()
        if date(2023, 3, 1) <= row["application_date"] <= date(2023, 5, 31)
    ]
    assert [row["loan_id"] for row in rows(out)] == [row["loan_id"] for row in expected]
    for row in rows(out):
        assert row == {name: everything[row["loan_id"]][name] for name in row}
    assert made.left_out == {"too_young": 0, "not_seen_at_label_mob": 0, "dpd_unknown": 1}
    assert set(made.versions) == {
        "gold.features_attributes", "gold.features_clickstream", "gold.label_store",
        "silver.loan_daily",
    }  # fmt: skip


def test_months_without_a_label_are_refused_with_why(bank: Bank, out: Path) -> None:
    with pytest.raises(BadInput, match=r"loans: [1-9]\d* too young, 0 not seen at label mob"):
        bank.build(EARLY, out, months=MonthRange("2023-05"))
    assert not out.exists()


def test_unknown_names_are_refused_with_what_is_close(bank: Bank) -> None:
    with pytest.raises(BadInput, match="no feature is called 'agee'; is it age"):
        bank.prepared(FULL, features=("agee",))
    with pytest.raises(BadInput, match=r"no feature group is called 'click'; is it clickstream\?"):
        bank.prepared(FULL, groups=("click",))


def test_a_release_without_the_label_store_says_so(bank: Bank) -> None:
    release = published.release(bank.log, FULL)
    versions = {n: v for n, v in release.versions.items() if n != "gold.label_store"}
    with pytest.raises(BadInput, match=r"release 2 has no table gold\.label_store"):
        prepare(bank.store, replace(release, versions=versions), Asked())


# Receipts


def test_the_same_set_built_twice_is_one_receipt(bank: Bank) -> None:
    one, again = (bank.build(FULL, groups=("attributes",)) for _ in range(2))
    assert one == again
    kept = [each for each in receipts(bank.log) if each.training_set_id == one.training_set_id]
    assert kept == [one]
    assert one.selection == bank.prepared(FULL, groups=("attributes",)).selection


def test_another_release_or_other_parameters_are_another_set(bank: Bank) -> None:
    asked: list[dict[str, Any]] = [
        {},
        {"label_def": "60dpd_6mob"},
        {"groups": ("attributes",)},
        {"features": ("age",)},
        {"months": MonthRange("2023-03")},
        {"months": MonthRange(None, "2023-05")},
        {"labels_known_by": date(2023, 10, 1)},
    ]
    ids = {bank.prepared(n, **each).training_set_id for n in (EARLY, FULL) for each in asked}
    assert len(ids) == 2 * len(asked)
    # Of these two releases all tables are the same.
    same = [bank.prepared(n, groups=("clickstream",)) for n in (LATER_DAY, CORRECTED)]
    assert same[0].versions == same[1].versions
    assert same[0].training_set_id != same[1].training_set_id
    assert bank.prepared(FULL, label_def="30dpd_6mob").training_set_id in ids


def test_receipts_are_listed_oldest_first_as_they_were_kept(own: Bank) -> None:
    made = [own.build(release, groups=("attributes",)) for release in (LATER_DAY, FULL)]
    assert receipts(own.log)[-2:] == made
    assert early(own).release == EARLY and early(own).engine == "embedded"


def test_two_processes_at_once_keep_both_receipts(own: Bank) -> None:
    before = len(receipts(own.log))
    command = [sys.executable, "main.py", "training-set", "--datamart", str(own.datamart)]
    names = ["30dpd_3mob", "60dpd_6mob"]
    started = [
        subprocess.Popen(
            [*command, "--label-def", name, "--out", str(own.root / name)],
            cwd=ROOT, stderr=subprocess.PIPE, text=True,
        )
        for name in names
    ]  # fmt: skip
    told = [each.communicate(timeout=120)[1] for each in started]
    assert [each.returncode for each in started] == [0, 0], told
    kept = [each.selection.label for each in receipts(own.log)[before:]]
    assert sorted(each.name for each in kept if each) == names
    assert own.left_behind() == []


def test_a_ledger_of_before_a_column_was_declared_keeps_its_receipts_and_takes_new_ones(
    own: Bank,
) -> None:
    old = early(own)
    newer = ("left_out", "code_fingerprint", "erased_at", "unknown_then", "waterfall", "row_hash")
    before = pa.Table.from_pylist([
        {f.name: getattr(old, f.name) for f in TRAINING_SETS.fields if f.name not in newer}
    ])  # fmt: skip
    versions = pa.array([list(old.versions.items())], pa.map_(pa.string(), pa.int64()))
    before = before.set_column(before.schema.get_field_index("versions"), "versions", versions)
    shutil.rmtree(own.datamart / TRAINING_SETS.path)
    shutil.rmtree(own.datamart / LEDGER_COPIES)
    write_deltalake(own.datamart / TRAINING_SETS.path, before)
    assert receipts(own.log) == [replace(old, left_out={}, code_fingerprint=None, waterfall={})]
    made = own.build(FULL, features=("age",))
    assert receipts(own.log)[1:] == [made]
    assert own.reproduce(old).content_hash == old.content_hash


# The file


def test_the_file_says_what_it_is(bank: Bank, out: Path) -> None:
    made = bank.build(FULL, out, label_def="30dpd_3mob", features=SOME)
    said = pq.read_metadata(out).metadata
    told = {k.decode()[10:]: v.decode() for k, v in said.items() if k.startswith(b"lakehouse.")}
    assert told == {
        "training_set_id": made.training_set_id,
        "release": "2",
        "parameters": made.parameters,
        "versions": json.dumps(dict(made.versions)),
        "waterfall": json.dumps(dict(made.waterfall)),
        "content_hash": made.content_hash,
    }
    assert json.loads(told["parameters"])["label"] == {"name": "30dpd_3mob", "dpd": 30, "mob": 3}


def test_anyone_can_compute_the_hash_of_a_file_again(bank: Bank, out: Path) -> None:
    made = bank.build(FULL, out, features=SOME)
    table = pq.read_table(out)
    assert hash_of(table) == made.content_hash

    order = random.Random(5).sample(range(table.num_rows), table.num_rows)
    pq.write_table(table.take(order), out, row_group_size=3, compression="gzip")
    shuffled = pq.read_table(out)
    assert hash_of(shuffled) != made.content_hash
    in_order = shuffled.sort_by([(name, "ascending") for name in SPINE_COLUMNS])
    assert hash_of(in_order) == made.content_hash


def test_a_receipt_from_before_there_was_label_observed_still_holds(own: Bank, out: Path) -> None:
    made = own.build(FULL, out, features=SOME)
    earlier = hash_of(pq.read_table(out).drop_columns("label_observed"))
    receipt_as_it_was = replace(made, content_hash=earlier)
    note = CommitNote(training_set_id=made.training_set_id)
    ledger_rows.put(own.log, TRAINING_SETS, [asdict(receipt_as_it_was)], note)
    assert own.build(FULL, out, features=SOME) == receipt_as_it_was
    assert own.reproduce(made, out) == receipt_as_it_was
    assert pq.read_metadata(out).metadata[b"lakehouse.content_hash"].decode() == earlier


def test_a_file_written_again_has_the_same_bytes(bank: Bank, tmp_path: Path) -> None:
    one, other = tmp_path / "one.parquet", tmp_path / "month=2023-05" / "other"
    for out in (one, other):
        bank.build(FULL, out, features=SOME)
    assert one.read_bytes() == other.read_bytes()


def test_a_datamart_in_a_folder_named_like_a_partition_builds_the_same_bytes(
    bank: Bank, tmp_path: Path
) -> None:
    copy = bank.copied(tmp_path / "run=1,'a'")
    copy.build(EARLY, copy.root / "again.parquet", features=SOME)
    assert (copy.root / "again.parquet").read_bytes() == (bank.root / "early.parquet").read_bytes()


# Built again


def assert_reproduced(bank: Bank, out: Path) -> None:
    """The training set of the first release comes out as it did before there was another."""
    assert bank.reproduce(early(bank), out) == early(bank)
    assert out.read_bytes() == (bank.root / "early.parquet").read_bytes()


def compact_and_vacuum(bank: Bank, name: str, keep: list[int]) -> int:
    """Make larger files of a table's small ones; how many files were then deleted."""
    table = bank.log.open(CATALOG.table(name))
    table.optimize.compact()
    keep_versions = [bank.versions(each)[name] for each in keep]
    return len(
        table.vacuum(
            0, dry_run=False, enforce_retention_duration=False, keep_versions=keep_versions
        )
    )


def test_later_runs_and_a_correction_of_its_month_leave_it_as_it_was(bank: Bank, out: Path) -> None:
    assert_reproduced(bank, out)
    assert bank.reproduce(early(bank)) == early(bank)


def test_compaction_and_a_vacuum_that_keeps_its_release_leave_it_as_it_was(
    own: Bank, out: Path
) -> None:
    names = early(own).versions
    assert sum(compact_and_vacuum(own, name, keep=[EARLY]) for name in names) > 0
    assert_reproduced(own, out)


def test_a_feature_declared_later_leaves_it_as_it_was_and_is_in_the_next(
    own: Bank, out: Path
) -> None:
    def transform(persons: Any) -> Any:
        assert ATTRIBUTES.transform is not None
        return ATTRIBUTES.transform(persons).withColumn("is_adult", F.lit(1))

    fields = (*ATTRIBUTES.fields[:-1], Field("is_adult", "INT", "New."), ATTRIBUTES.fields[-1])
    newer = replace(ATTRIBUTES, fields=fields, transform=transform)
    catalog = Catalog(tuple(
        (newer if table == ATTRIBUTES else table, module) for table, module in CATALOG.modules
    ))  # fmt: skip
    own.run(catalog=catalog)

    made = build(own.prepared(CORRECTED + 1, catalog, groups=("attributes",)), own.store, out)
    assert {row["is_adult"] for row in rows(out)} == {1}
    assert made.row_count == own.build(CORRECTED, groups=("attributes",)).row_count
    assert "is_adult" not in own.prepared(CORRECTED, catalog).frame.columns
    assert reproduce(own.store_of(catalog), early(own).training_set_id, out) == early(own)
    assert out.read_bytes() == (own.root / "early.parquet").read_bytes()


@pytest.mark.parametrize("name", ["gold.features_attributes", "gold.label_store"])
def test_after_a_vacuum_that_took_its_files_it_fails_by_table_and_version(
    own: Bank, out: Path, name: str
) -> None:
    out.write_text("of yesterday")
    version = early(own).versions[name]
    assert compact_and_vacuum(own, name, keep=[]) > 0
    for attempt in (
        lambda: own.reproduce(early(own), out),
        lambda: own.build(EARLY, out, features=SOME),
    ):
        with pytest.raises(LakehouseError, match=f"{name} version {version}: .* are gone") as error:
            attempt()
        assert exit_code(error.value) == 1 and "\n" not in str(error.value)
    assert out.read_text() == "of yesterday" and [*out.parent.glob(".*")] == []


def test_an_unknown_id_is_refused_with_those_there_are(pristine: Bank) -> None:
    with pytest.raises(
        BadInput, match=f"no training set .* ts-no; .*{early(pristine).training_set_id}"
    ):
        reproduce(pristine.store, "ts-no")


def overwrite_ages(bank: Bank, release: int, keep_size: bool) -> None:
    """Write other ages into the files of a version of features_attributes, behind its back."""
    name = "gold.features_attributes"
    folder = bank.datamart / CATALOG.table(name).path
    for file in pa.table(bank.delta(name, release).get_add_actions())["path"].to_pylist():
        table = pq.ParquetFile(folder / file).read()
        at = table.schema.get_field_index("age")
        ages = pa.array([33] * len(table), table.schema.field(at).type)
        pq.write_table(table.set_column(at, "age", ages), folder / file)
        if keep_size:
            _say_size(folder / "_delta_log", file, (folder / file).stat().st_size)


def _say_size(log: Path, file: str, size: int) -> None:
    for commit in log.glob("*.json"):
        actions = [json.loads(line) for line in commit.read_text().splitlines()]
        for action in actions:
            if action.get("add", {}).get("path") == file:
                action["add"]["size"] = size
        commit.write_text("\n".join(map(json.dumps, actions)))


def forget_checksums(bank: Bank) -> None:
    """Leave the releases as an older program published them."""
    rows = [replace(row, checksums={}).as_row() for row in published.releases(bank.log)]
    ledger_rows.put(bank.log, RELEASES, rows, CommitNote("older"))


@pytest.mark.parametrize(
    ("has_checksums", "keep_size", "words"),
    [
        (True, True, "has other bytes than when release 1 was published"),
        (False, True, "came out different: .* altered"),
        (False, False, "the engine fails to compute it"),
    ],
)
def test_a_table_that_was_tampered_with_is_found_out(
    own: Bank, out: Path, has_checksums: bool, keep_size: bool, words: str
) -> None:
    out.write_text("of yesterday")
    if not has_checksums:
        forget_checksums(own)
    overwrite_ages(own, EARLY, keep_size)
    for attempt in (
        lambda: own.reproduce(early(own), out),
        lambda: own.build(EARLY, out, features=SOME),
    ):
        with pytest.raises(LakehouseError, match=words) as error:
            attempt()
        assert exit_code(error.value) == 1 and "\n" not in str(error.value)
    assert out.read_text() == "of yesterday" and [*out.parent.glob(".*")] == []
    assert len(receipts(own.log)) == len({each.training_set_id for each in receipts(own.log)})
    assert own.left_behind() == []


# What goes wrong leaves nothing


def with_a_key_twice(bank: Bank) -> TrainingSet:
    """A training set whose feature group has each row twice, as no run of ours leaves it."""
    name = "gold.features_attributes"
    write_deltalake(bank.datamart / CATALOG.table(name).path, bank.arrow(name, FULL), mode="append")
    versions = {**bank.versions(FULL), name: bank.log.version(CATALOG.table(name)) or 0}
    selection = bank.prepared(FULL).selection
    return TrainingSet(bank.store, FULL, versions, selection)


def test_rows_in_equal_rows_out_or_nothing_is_written(own: Bank) -> None:
    broken, before = with_a_key_twice(own), receipts(own.log)
    out = own.root / "new" / "folder" / "train.parquet"
    with pytest.raises(LakehouseError, match=r"\d+ applications became \d+ rows; .* key twice"):
        build(broken, own.store, out)
    assert not (own.root / "new").exists()
    assert receipts(own.log) == before
    assert own.left_behind() == []


def test_a_folder_is_made_for_the_file_and_what_cannot_be_one_is_refused(
    bank: Bank, tmp_path: Path
) -> None:
    before = len(receipts(bank.log))
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="is a folder; name a file in it"):
        bank.build(LATER_DAY, tmp_path, features=("age",))
    with pytest.raises(BadInput, match="its folder cannot be made"):
        bank.build(LATER_DAY, tmp_path / "file" / "train.parquet", features=("age",))
    assert len(receipts(bank.log)) == before
    bank.build(FULL, tmp_path / "a" / "b" / "train.parquet", groups=("attributes",))
    assert [each.name for each in (tmp_path / "a" / "b").iterdir()] == ["train.parquet"]


# A spine of the user's own


def applications(bank: Bank) -> pd.DataFrame:
    """Days around those of the labelled loans, a customer nobody knows, and a row twice."""
    found = pd.DataFrame(rows(bank.root / "early.parquet"))[["customer_id", "application_date"]]
    later = found.assign(application_date=found.application_date + pd.Timedelta(days=45))
    nobody = pd.DataFrame({"customer_id": ["CUS_nobody"], "application_date": [date(2023, 5, 31)]})
    spine = pd.concat([found, later, nobody, found.head(2)], ignore_index=True)
    return spine.assign(note=[f"note {n % 2}" for n in range(len(spine))])


def written(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(
        path, index=False
    )
    return path


def test_a_spine_gets_its_features_row_for_row_and_no_label(
    bank: Bank, tmp_path: Path, out: Path
) -> None:
    spine = applications(bank)
    made = bank.build(FULL, out, features=SOME, spine=written(spine, tmp_path / "spine.csv"))
    found = pd.DataFrame(rows(out))
    assert list(found)[:3] == ["customer_id", "application_date", "note"] and "label" not in found
    assert made.row_count == len(spine) and made.left_out == {}
    given, got = (
        sorted(each[["customer_id", "application_date", "note"]].itertuples(index=False, name=None))
        for each in (spine, found)
    )
    assert got == given
    nobody = found[found.customer_id == "CUS_nobody"].drop(columns=list(spine.columns))
    assert len(nobody) == 1 and nobody.isna().all(axis=None)
    labelled = {row["customer_id"]: row for row in rows(bank.root / "early.parquet")}
    seen = found.merge(spine.head(len(labelled)), on=["customer_id", "application_date"])
    assert seen.age.notna().sum() > 3
    for row in seen.itertuples():
        assert row.fe_1 == labelled[row.customer_id]["fe_1"]


def test_a_csv_a_parquet_file_and_any_order_of_rows_are_the_same_content(
    bank: Bank, tmp_path: Path
) -> None:
    spine = applications(bank)
    files = [
        written(spine, tmp_path / "spine.csv"),
        written(spine, tmp_path / "spine.parquet"),
        written(spine.sample(frac=1, random_state=5), tmp_path / "shuffled.parquet"),
    ]
    made = [bank.build(FULL, spine=file, groups=("attributes",)) for file in files]
    assert len({each.content_hash for each in made}) == 1
    assert len({each.training_set_id for each in made}) == 3
    kept = {file.stem for file in spine_folder(bank.log).iterdir()}
    assert {each.selection.spine for each in made} <= kept


def test_a_spine_is_built_again_after_the_users_file_is_gone(
    own: Bank, tmp_path: Path, out: Path
) -> None:
    spine = written(applications(own), tmp_path / "spine.csv")
    made = own.build(EARLY, out, spine=spine, groups=("attributes",))
    before = out.read_bytes()
    spine.unlink()
    assert own.reproduce(made, out) == made
    assert out.read_bytes() == before

    (kept,) = spine_folder(own.log).iterdir()
    kept.write_bytes(pq_bytes(applications(own).head(3)))
    with pytest.raises(
        LakehouseError, match=r"came out different: 3 rows .* the spine was altered"
    ):
        own.reproduce(made, out)
    kept.unlink()
    with pytest.raises(
        LakehouseError, match=f"spine of training set {made.training_set_id} is gone"
    ):
        own.reproduce(made, out)
    assert out.read_bytes() == before


def pq_bytes(frame: pd.DataFrame) -> bytes:
    return bytes(frame.to_parquet())


def test_a_refused_spine_or_choice_leaves_nothing_in_the_datamart(
    own: Bank, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("customer_id,application_date\nCUS_SECRET,2023-02-30\n")
    good = written(applications(own), tmp_path / "good.csv")
    before = sorted(own.datamart.rglob("*"))
    with pytest.raises(BadInput, match="the first of them row 1") as refused:
        own.build(FULL, spine=bad)
    assert "CUS_SECRET" not in str(refused.value)
    with pytest.raises(BadInput, match="no feature is called"):
        own.build(FULL, spine=good, features=("agee",))
    choices: list[dict[str, Any]] = [
        {"label_def": "60dpd_6mob"},
        {"months": MonthRange("2023-05")},
        {"labels_known_by": date(2023, 10, 1)},
    ]
    for choice in choices:
        with pytest.raises(BadInput, match="a spine says by itself which applications"):
            own.build(FULL, spine=good, **choice)
    assert sorted(own.datamart.rglob("*")) == before


def test_a_file_that_is_not_parquet_is_refused_by_its_name(
    bank: Bank, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "train.csv"
    places = ["--datamart", str(bank.datamart), "--data", str(bank.data)]
    assert main(["training-set", "--out", str(out), *places]) == 2
    assert "a training set is a Parquet file" in capsys.readouterr().err
    assert not out.exists()


def test_a_set_without_protected_features_is_the_one_that_names_the_others(bank: Bank) -> None:
    plain = bank.prepared(FULL).selection
    without = bank.prepared(FULL, without_protected=True)
    carried = {"age", "age_decade", "occupation", "occupation_known"}
    names = [name for group in plain.groups for name in group.features]
    kept = [name for group in without.selection.groups for name in group.features]
    assert carried < {*names} and kept == [name for name in names if name not in carried]
    named = bank.prepared(FULL, features=tuple(kept))
    assert named.training_set_id == without.training_set_id


def test_a_protected_feature_that_is_asked_for_by_name_is_refused(bank: Bank) -> None:
    with pytest.raises(BadInput, match="feature age_decade carries the protected attribute age;"):
        bank.prepared(FULL, features=("age_decade", "fe_1"), without_protected=True)

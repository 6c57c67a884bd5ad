"""Laws for any rows, any order and any split: merging, arrival, kills, and that no row is lost."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from deltalake.table import TableMerger
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.bronze.clickstream import SOURCE
from lakehouse.catalog import Catalog, load
from lakehouse.engines import embedded
from lakehouse.engines.changes import as_declared, differing
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.months import shift
from lakehouse.releases import ledger_rows
from lakehouse.releases.published import releases
from lakehouse.run.job import Job, Report
from lakehouse.run.plan import Request
from lakehouse.run.run import run
from lakehouse.silver.clickstream import TABLE as SILVER
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from lakehouse.table import MONTH_FIELD, Field, Table

FILE = SOURCE.file_names[0]
MONTHS = [shift("2023-01", by) for by in range(5)]
CUSTOMERS = ["CUS_0x1", "CUS_0x2", "CUS_0x3"]


def few(examples: int) -> settings:
    """Few examples, as each writes real tables."""
    return settings(
        max_examples=examples,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


# A tiny table of each kind


POINTS = Table(
    layer="gold",
    name="points",
    doc="A value of somebody on a day.",
    keys=("customer_id", "snapshot_date"),
    fields=(
        Field("customer_id", "STRING", "Who."),
        Field("snapshot_date", "DATE", "When."),
        Field("value", "INT", "What."),
        Field("share", "DOUBLE", "How much of it."),
        MONTH_FIELD,
    ),
)


def clicks_of_three_months(clicks: DataFrame, months: Sequence[str] | None = None) -> DataFrame:
    """Each row, and the sum of fe_1 over its month and the two before."""
    own = clicks.select("customer_id", "snapshot_date", "month")
    ages = F.explode(F.array(*[F.lit(age) for age in range(3)]))
    reach = clicks.select("customer_id", "snapshot_date", "fe_1", ages.alias("age"))
    later = F.add_months("snapshot_date", F.col("age")).alias("snapshot_date")
    told = reach.select("customer_id", later, "fe_1")
    sums = told.groupBy("customer_id", "snapshot_date").agg(F.sum("fe_1").alias("clicks"))
    return own.join(sums, ["customer_id", "snapshot_date"])


WINDOWS = Table(
    layer="gold",
    name="windows",
    doc="Clicks of three months.",
    keys=("customer_id", "snapshot_date"),
    fields=(
        Field("customer_id", "STRING", "Who."),
        Field("snapshot_date", "DATE", "When."),
        Field("clicks", "BIGINT", "Sum of fe_1 over three months."),
        MONTH_FIELD,
    ),
    upstreams=(SILVER,),
    transform=clicks_of_three_months,
    look_back_months=2,
)


def catalog_of(*names: str, more: Sequence[Table] = ()) -> Catalog:
    """The declared tables of these names, and the ledger."""
    modules = [
        (table, module)
        for table, module in load().modules
        if table.layer == "ledger" or table.full_name in names
    ]
    return Catalog((*modules, *((table, f"lakehouse.tests.{table.name}") for table in more)))


RAW = catalog_of("bronze.clickstream", "bronze.quarantine")
CHAIN = catalog_of("bronze.clickstream", "bronze.quarantine", "silver.clickstream", more=[WINDOWS])


def click(customer: str, day: str, fe_1: object) -> str:
    return ",".join([str(fe_1), *["0"] * 19, customer, day])


def deliver(data: Path, rows: Sequence[str]) -> None:
    data.mkdir(exist_ok=True)
    (data / FILE).write_text("\n".join([",".join(SOURCE.header), *rows]) + "\n")


def run_on(catalog: Catalog, root: Path, **changes: Any) -> Report:
    given = {"open_store": lambda datamart, _size: EmbeddedStore(datamart), **changes}
    return run(Job(root / "data", Datamart.at(root / "datamart", catalog), **given))


def content(root: Path, table: Table) -> dict[tuple[Any, ...], dict[str, Any]]:
    rows = Log(str(root / "datamart")).read(table)
    kept = [name for name in table.columns if name not in table.unversioned]
    by_key = {tuple(row[k] for k in table.keys): {n: row[n] for n in kept} for row in rows}
    assert len(by_key) == len(rows)
    return by_key


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


# Merging


Points = dict[tuple[str, str], tuple[int | None, float | None]]
_VALUES = st.tuples(
    st.none() | st.integers(0, 2), st.none() | st.sampled_from([0.0, 0.1, 99.50333333333333])
)
points = st.dictionaries(
    st.tuples(st.sampled_from(CUSTOMERS), st.sampled_from(MONTHS[:3])), _VALUES, max_size=6
)


def frame(store: EmbeddedStore, rows: Points) -> DataFrame:
    values = [
        (customer, date.fromisoformat(f"{month}-01"), value, share, month)
        for (customer, month), (value, share) in rows.items()
    ]
    ddl = ", ".join(f"{field.name} {field.type}" for field in POINTS.fields)
    return as_declared(store.spark.createDataFrame(values, ddl), POINTS)


def bring_to(store: EmbeddedStore, rows: Points) -> int | None:
    """Make the table these rows, as a run would; the version it then has."""
    changes = differing(frame(store, rows), store.read(POINTS), POINTS, ["value", "share", "month"])
    store.merge(POINTS, changes, CommitNote(run_id="law"), insert_only=False)
    return store.log.version(POINTS)


def held(store: EmbeddedStore) -> Points:
    rows = store.log.read(POINTS)
    found = {(r["customer_id"], r["month"]): (r["value"], r["share"]) for r in rows}
    assert len(found) == len(rows)
    return found


@few(15)
@given(old=points, new=points)
def test_a_merge_makes_any_rows_out_of_any_rows_and_the_same_merge_again_makes_no_version(
    old: Points, new: Points
) -> None:
    event(f"{len(old.keys() - new.keys())} rows vanish")
    with folder() as root:
        store = EmbeddedStore(Datamart.at(root, RAW))
        store.log.create(POINTS)
        bring_to(store, old)
        assert held(store) == old

        version = bring_to(store, new)

        assert held(store) == new
        assert bring_to(store, new) == version


# Arrival


def all_rows() -> list[str]:
    """Each customer in most months, so that windows have holes."""
    return [
        click(customer, f"{month}-01", 10 * i + j)
        for i, customer in enumerate(CUSTOMERS)
        for j, month in enumerate(MONTHS)
        if (i + j) % 4
    ]


def tables_of(root: Path) -> dict[str, Any]:
    tables = [table for table in CHAIN.tables if table.layer != "ledger"]
    return {table.full_name: content(root, table) for table in tables}


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one delivery of all rows makes."""
    root = tmp_path_factory.mktemp("at_once")
    deliver(root / "data", all_rows())
    run_on(CHAIN, root)
    found = tables_of(root)
    assert len(found["gold.windows"]) == len(all_rows())
    return found


@st.composite
def arrivals(draw: st.DrawFn) -> list[list[str]]:
    """Every month in one of up to three deliveries, rows in any order."""
    parts = draw(st.lists(st.integers(0, 2), min_size=len(MONTHS), max_size=len(MONTHS)))
    shuffled = random.Random(draw(st.integers(0, 99)))
    deliveries = []
    for part in sorted(set(parts)):
        months = [month for month, chosen in zip(MONTHS, parts, strict=True) if chosen == part]
        rows = [row for row in all_rows() if row.rsplit(",", 1)[1][:7] in months]
        deliveries.append(shuffled.sample(rows, len(rows)))
    return draw(st.permutations(deliveries))


@pytest.mark.slow
@few(6)
@given(deliveries=arrivals())
def test_months_may_arrive_in_any_order_and_split(
    at_once: dict[str, Any], deliveries: list[list[str]]
) -> None:
    event(f"{len(deliveries)} deliveries")
    with folder() as root:
        for rows in deliveries:
            deliver(root / "data", rows)
            run_on(CHAIN, root)

        assert tables_of(root) == at_once


@pytest.mark.slow
@few(5)
@given(kept=st.lists(st.sets(st.sampled_from(all_rows()), min_size=1), min_size=1, max_size=2))
def test_whatever_was_delivered_before_the_last_whole_delivery_is_what_counts(
    at_once: dict[str, Any], kept: list[set[str]]
) -> None:
    with folder() as root:
        for rows in [*map(sorted, kept), all_rows()]:
            deliver(root / "data", rows)
            run_on(CHAIN, root, request=Request(allow_shrink=True))

        assert tables_of(root) == at_once


# No row is lost


@st.composite
def raw_rows(draw: st.DrawFn) -> list[str]:
    """Good, repeated, contradicting and broken rows, in any number and order."""
    days = [f"{month}-01" for month in MONTHS[:2]]
    good = st.builds(click, st.sampled_from(CUSTOMERS), st.sampled_from(days), st.integers(0, 1))
    broken = st.sampled_from(
        [
            click("CUS_0x1", "2023-02-30", 1),
            click("", "2023-01-01", 1),
            click("CUS_0x2", "2023-01-01", 1).split(",", 1)[1],
            click("CUS_0x3", "2023-01-01", "1,1"),
            "what is this",
        ]
    )
    return draw(st.lists(good | good | broken, min_size=1, max_size=12))


def expected_counts(rows: Sequence[str]) -> tuple[int, int, int]:
    """Accepted, quarantined and equal rows, told by hand."""
    sound = [row for row in rows if _is_sound(row)]
    variants: dict[str, Counter[str]] = {}
    for row in sound:
        variants.setdefault(row.split(",", 20)[20], Counter())[row] += 1
    agreed = [sum(counter.values()) for counter in variants.values() if len(counter) == 1]
    contradicting = len(sound) - sum(agreed)
    return len(agreed), len(rows) - len(sound) + contradicting, sum(agreed) - len(agreed)


def _is_sound(row: str) -> bool:
    cells = row.split(",")
    return len(cells) == 22 and bool(cells[20]) and cells[21] != "2023-02-30"


@pytest.mark.slow
@few(12)
@given(rows=raw_rows())
def test_every_raw_row_is_accepted_or_quarantined_or_an_equal_copy(rows: list[str]) -> None:
    with folder() as root:
        deliver(root / "data", rows)

        counts = run_on(RAW, root, max_bad=1.0).tables["bronze.clickstream"].rows

        assert counts
        event(f"quarantined: {counts.quarantined > 0}, copies: {counts.equal_duplicates > 0}")
        found = (counts.accepted, counts.quarantined, counts.equal_duplicates)
        assert (counts.rows_in, *found) == (len(rows), *expected_counts(rows))
        bronze, quarantined = (
            content(root, RAW.table(f"bronze.{name}")) for name in ("clickstream", "quarantine")
        )
        assert (len(bronze), len(quarantined)) == (counts.accepted, counts.quarantined)
        texts = Counter(row["raw_text"] for row in quarantined.values())
        assert not texts - Counter(rows)


# Killed at any commit


class KilledError(Exception):
    """What stands for a kill of the process."""


@contextmanager
def killed_at_commit(nth: int, before: bool) -> Iterator[list[int]]:
    """Raise just before or just after the nth commit; counts them in the list it gives."""
    done = [0]

    def dying(commit: Callable[..., Any]) -> Callable[..., Any]:
        def once(*given: Any, **named: Any) -> Any:
            done[0] += 1
            if before and done[0] == nth:
                raise KilledError
            metrics = commit(*given, **named)
            if done[0] == nth:
                raise KilledError
            return metrics

        return once

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TableMerger, "execute", dying(TableMerger.execute))
        patch.setattr(embedded, "write_deltalake", dying(embedded.write_deltalake))
        patch.setattr(ledger_rows, "write", dying(ledger_rows.write))
        yield done


@contextmanager
def two_months_a_merge() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EmbeddedStore, "months_at_once", lambda *_: 2)
        yield


@pytest.fixture
def small_merges() -> Iterator[None]:
    """A few rows a commit, so that there are many commits to be killed at."""
    with two_months_a_merge():
        yield


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All rows and what small merges make of them; copy it before changing it."""
    root = tmp_path_factory.mktemp("built")
    deliver(root / "data", all_rows())
    with two_months_a_merge():
        run_on(CHAIN, root)
    return root


def corrected_rows() -> list[str]:
    """All rows, with one changed, one vanished and one damaged."""
    first, _vanished, third, *rest = all_rows()
    return [first.replace(first.split(",")[0], "77", 1), third.split(",", 1)[1], *rest]


@pytest.fixture(scope="module")
def afterwards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What all rows, and then the corrected rows, make undisturbed."""
    root = tmp_path_factory.mktemp("afterwards")
    for rows in (all_rows(), corrected_rows()):
        deliver(root / "data", rows)
        run_on(CHAIN, root)
    return tables_of(root)


@pytest.mark.slow
@pytest.mark.parametrize("nth", range(1, 11))
def test_a_run_killed_at_any_commit_is_ended_by_the_next(
    nth: int, small_merges: None, afterwards: dict[str, Any], tmp_path: Path
) -> None:
    before = nth % 2 == 0
    deliver(tmp_path / "data", all_rows())
    with killed_at_commit(nth, before), pytest.raises(KilledError):
        run_on(CHAIN, tmp_path)
    run_on(CHAIN, tmp_path)
    deliver(tmp_path / "data", corrected_rows())
    with killed_at_commit(nth // 2 + 1, not before), pytest.raises(KilledError):
        run_on(CHAIN, tmp_path)

    run_on(CHAIN, tmp_path)

    found = tables_of(tmp_path)
    assert found == afterwards
    log = Log(str(tmp_path / "datamart"))
    versions = {name: log.version(CHAIN.table(name)) for name in found}
    assert releases(log)[-1].versions == versions


@pytest.mark.slow
@pytest.mark.parametrize("nth", range(1, 11))
def test_a_correction_killed_at_any_commit_and_then_withdrawn_leaves_no_trace(
    nth: int, small_merges: None, built: Path, at_once: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    deliver(tmp_path / "data", corrected_rows()[:1] + all_rows()[3:])
    with killed_at_commit(nth, before=nth % 2 == 0) as commits, suppress(KilledError):
        run_on(CHAIN, tmp_path)
    assert commits[0]
    deliver(tmp_path / "data", all_rows())

    run_on(CHAIN, tmp_path)

    assert tables_of(tmp_path) == at_once


@pytest.mark.slow
@pytest.mark.parametrize("withdrawn", [False, True], ids=["taken", "withdrawn"])
def test_a_delivery_killed_between_the_quarantine_and_its_table_is_taken_whole_or_leaves_nothing(
    withdrawn: bool, tmp_path: Path
) -> None:
    good = [click(customer, "2023-01-01", 1) for customer in CUSTOMERS]
    damaged = good[0].replace("2023-01-01", "no day")
    deliver(tmp_path / "data", good)
    run_on(RAW, tmp_path)
    deliver(tmp_path / "data", [damaged, *good[1:]])
    with killed_at_commit(1, before=False), pytest.raises(KilledError):
        run_on(RAW, tmp_path, max_bad=1.0)

    deliver(tmp_path / "data", good if withdrawn else [damaged, *good[1:]])
    run_on(RAW, tmp_path, max_bad=1.0)

    quarantine = content(tmp_path, RAW.table("bronze.quarantine")).values()
    still_open = [row["raw_text"] for row in quarantine if row["mended_run_id"] is None]
    assert still_open == ([] if withdrawn else [damaged])
    # The good row of before stays where a damaged one mentions its customer.
    assert len(content(tmp_path, RAW.table("bronze.clickstream"))) == len(CUSTOMERS)

"""Rot that has a checksum of its own is seen by computing again: a sample per release, all by the doctor."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.errors import LakehouseError
from lakehouse.releases import published
from lakehouse.run import sample
from lakehouse.run.plan import Request
from lakehouse.run.recomputed import compared, examine_computed
from lakehouse.run.sample import Sample
from lakehouse.storage.datamart import Datamart
from lakehouse.upkeep.verify import examine_tables
from tests.bank import CATALOG, Bank
from tests.rotten import rot, rot_before_release
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
)

BRONZE, SILVER, GOLD = (
    CHAIN.table(name) for name in ("bronze.clickstream", "silver.clickstream", "gold.windows")
)
MONTH, CUSTOMER = MONTHS[1], "CUS_0x1"
NEXT = click("CUS_0x1", "2023-06-01", 5)
PLANTED = [
    (BRONZE, {"fe_20": "'77'"}, "1 row of 2023-02 has other cells than when landed"),
    (SILVER, {"fe_20": "77"}, "1 key of 2023-02 has other rows than bronze.clickstream gives now"),
    (GOLD, {"clicks": "77"}, "1 key of 2023-02 has other rows than silver.clickstream gives now"),
]
IDS = [table.layer for table, _, _ in PLANTED]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("built")
    deliver(root / "data", all_rows())
    run_on(CHAIN, root)
    return root


@pytest.fixture
def root(built: Path, tmp_path: Path) -> Path:
    """A copy, whose raw file has a month more."""
    copied = Path(shutil.copytree(built, tmp_path / "world"))
    deliver(copied / "data", [*all_rows(), NEXT])
    return copied


def datamart_of(root: Path) -> Datamart:
    return Datamart.at(root / "datamart", CHAIN)


def plant(root: Path, table: Any, cells: dict[str, str], how: Any = rot) -> None:
    customer = f'"{next(name for name in table.columns if name.lower() == "customer_id")}"'
    where = f"{customer} = '{CUSTOMER}' AND month = '{MONTH}'"
    how(datamart_of(root), table, where, **cells)


def wrong(root: Path) -> dict[str, str]:
    """All that `doctor --recompute` finds wrong, by subject."""
    datamart = datamart_of(root)
    found = [*examine_tables(datamart), *examine_computed(EmbeddedStore(datamart))]
    return {each.subject: each.found for each in found if each.state != "ok"}


def looking_at(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each sample be the planted row's."""

    def of_it(store: EmbeddedStore, _release: object) -> Sample:
        found = store.spark.sql(f"SELECT pmod(xxhash64('{CUSTOMER}'), 16)").collect()
        return Sample(table, MONTH, tuple(compared(table)), int(found[0][0]))

    monkeypatch.setattr(sample, "chosen", of_it)


@pytest.mark.slow
@pytest.mark.parametrize(("table", "cells", "told"), PLANTED, ids=IDS)
def test_a_changed_cell_is_found_by_the_doctor_and_by_the_sample_and_can_be_mended(
    table: Any,
    cells: dict[str, str],
    told: str,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plant(root, table, cells)
    subject, found = next(iter(wrong(root).items()))
    assert table.full_name in subject and told in found

    looking_at(table, monkeypatch)
    for _ in range(2):
        with pytest.raises(LakehouseError) as refused:
            run_on(CHAIN, root)
        assert str(refused.value).startswith(f"{table.full_name}: {told}, such as ")
        assert "; nothing is published; python main.py run --" in str(refused.value)
    assert len(published.releases(datamart_of(root).log)) == 2

    is_repair = "run --repair" in str(refused.value)
    mended = run_on(CHAIN, root, request=Request(repair=is_repair, full_refresh=not is_repair))

    assert mended.published == [3] and not wrong(root)
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(root / "data", undisturbed / "data")
    run_on(CHAIN, undisturbed)
    assert tables_of(root) == tables_of(undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize(("table", "cells", "told"), PLANTED, ids=IDS)
def test_rot_in_a_file_of_a_killed_run_is_refused_or_computed_again_by_the_next(
    table: Any, cells: dict[str, str], told: str, root: Path, tmp_path: Path
) -> None:
    plant(root, table, cells, rot_before_release)
    if table is BRONZE:
        with pytest.raises(LakehouseError, match=rf"{told}.*nothing was made of it.*run --repair"):
            run_on(CHAIN, root)
        assert datamart_of(root).log.version(SILVER) == 1
    run_on(CHAIN, root, request=Request(repair=table is BRONZE))

    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(root / "data", undisturbed / "data")
    run_on(CHAIN, undisturbed)
    assert tables_of(root) == tables_of(undisturbed) and not wrong(root)


@pytest.mark.slow
def test_a_run_that_goes_on_after_a_kill_commits_nothing_for_what_it_only_compares(
    root: Path,
) -> None:
    with killed_at_commit(4, before=True), pytest.raises(KilledError):
        run_on(CHAIN, root)
    log = datamart_of(root).log
    before = {table.full_name: log.version(table) for table in (BRONZE, SILVER, GOLD)}
    assert run_on(CHAIN, root).published == [2]
    assert before == {table.full_name: log.version(table) for table in (BRONZE, SILVER, GOLD)}


@pytest.mark.slow
@pytest.mark.parametrize("table", [BRONZE, SILVER, GOLD], ids=IDS)
def test_a_sound_table_passes_its_sample(
    table: Any, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking_at(table, monkeypatch)
    assert run_on(CHAIN, root).published == [2]
    assert not wrong(root)


def test_rows_that_depend_on_other_customers_are_compared_whole(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = EmbeddedStore(datamart_of(built))
    release = published.newest(store.log)
    looking_at(GOLD, monkeypatch)
    # As such a table looks to a sample, which takes a part of the customers.
    monkeypatch.setattr(sample, "_differs", lambda *_: True)
    sample.check_sample(store, release)


def test_samples_take_every_table_in_turns_and_months_that_did_not_change(
    pristine: Bank,
) -> None:
    store = pristine.store
    release = replace(published.newest(store.log), months=[])
    # An erased person still counts in the tables about nobody, so these are left out.
    about_persons = [table for table in CATALOG.derived if CATALOG.entity_columns(table)]
    tables = [*CATALOG.sources, *about_persons]
    numbers = range(1, 20 * len(tables))
    taken = [sample.chosen(store, replace(release, number=n)) for n in numbers]
    looked = {(each.table.full_name, each.month) for each in taken if each}
    held = {(t.full_name, m) for t in tables for m in store.log.rows_by_month(t)}
    assert looked <= held and len(looked) > len(held) / 2
    assert {name for name, _ in looked} == {table.full_name for table in tables}
    assert all({*each.columns} <= {*compared(each.table)} for each in taken if each)

    months = sorted({month for _, month in held})
    recent = [sample.chosen(store, replace(release, number=n, months=months[1:])) for n in numbers]
    assert {each.month for each in recent if each} == {months[0]}
    assert sample.chosen(store, replace(release, months=months)) is None


def test_the_doctor_computes_nothing_again_while_a_run_is_to_go_on_or_code_has_changed(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = EmbeddedStore(datamart_of(built))
    catalog = store.datamart.catalog
    monkeypatch.setitem(catalog.code, GOLD.full_name, "other")
    silver, gold = examine_computed(store)
    assert (silver.state, gold.state) == ("ok", "missing") and "other code" in gold.found

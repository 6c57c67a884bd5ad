"""Progress: a bar on a terminal, lines elsewhere, nothing beside JSON."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from rich.console import Console

from lakehouse.cli.show.progress_lines import Moving, a_bar
from lakehouse.progress import Done, Progress
from lakehouse.run.job import Report
from lakehouse.run.plan import Request
from lakehouse.storage.datamart import Datamart
from lakehouse.upkeep.backup import backup
from lakehouse.upkeep.erase import erase
from lakehouse.upkeep.restore import restore
from lakehouse.upkeep.vacuum import vacuum
from lakehouse.upkeep.verify import examine_tables
from tests.bank import CATALOG

pytestmark = [pytest.mark.slow, pytest.mark.each]


@pytest.mark.parametrize("by_month", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_run_counts_its_steps_and_table_months_up_to_all(
    run_job: Callable[..., Report], tmp_path: Path, by_month: bool
) -> None:
    seen: list[Done] = []
    where = tmp_path / "datamart"
    run_job(datamart=where, on_done=seen.append, request=Request(by_month=by_month))
    log = Datamart.at(where, CATALOG).log
    tables = [*CATALOG.sources, *CATALOG.derived]
    held = sum(len(log.rows_by_month(table)) for table in tables)
    passes = seen[-1].of_steps // len(tables)
    assert seen[0] == Done(0, len(tables) * passes, 0, seen[0].of_months)
    assert held <= seen[0].of_months and (by_month or passes == 1)
    for done, later in pairwise(seen):
        assert done.steps <= later.steps and done.months <= later.months
    assert (seen[-1].steps, seen[-1].months) == (seen[-1].of_steps, seen[-1].of_months)


def test_the_bar_tells_what_is_done_and_is_alive_in_a_long_step() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    with a_bar(console) as bar:
        moving = Moving(bar)
        moving("gold.label_store", "computing", ["2023-01"])
        moving.done(Done(3, 13, 1, 6))
        assert bar.live.auto_refresh and not bar.finished
        bar.refresh()
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert (
        "3/13 steps, 1/6 table months" in shown and "gold.label_store: computing 2023-01" in shown
    )


def test_the_work_at_hand_is_whole_at_80_columns() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    with a_bar(console) as bar:
        moving = Moving(bar)
        moving(
            "gold.features_clickstream", "computing (127,419 rows so far)", ["2023-01", "2025-11"]
        )
        moving.done(Done(480, 490, 1000, 1015))
        bar.refresh()
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "gold.features_clickstream: computing (127,419 rows so far)" in shown
    assert "2023-01, 2025-11" in shown and "…" not in shown


def test_upkeep_tells_the_steps_done_of_all(run_job: Callable[..., Report], tmp_path: Path) -> None:
    run_job(datamart=tmp_path / "datamart")
    datamart, to = Datamart.at(tmp_path / "datamart", CATALOG), tmp_path / "backup"
    customer = str(datamart.log.read(CATALOG.label_store)[0]["customer_id"])
    works: dict[str, Callable[[Progress], object]] = {
        "doctor": lambda tell: examine_tables(datamart, tell),
        "backup": lambda tell: backup(datamart, to, tell),
        "restore": lambda tell: restore(datamart, to, None, True, tell),
        "erase": lambda tell: erase(datamart, tmp_path, customer, exact=True, on_progress=tell),
        "vacuum": lambda tell: vacuum(datamart, 1, False, tell),
    }
    for name, work in works.items():
        told: list[Done | None] = []
        work(lambda _subject, _doing, _months=(), done=None, told=told: told.append(done))
        assert told == [Done(n, len(told)) for n in range(len(told))] and len(told) > 4, name

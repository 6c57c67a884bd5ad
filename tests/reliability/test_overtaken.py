"""A run whose lock is taken away stops; two runs that wrote at the same time publish no key twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.engines.store import Merged
from lakehouse.errors import LakehouseError
from lakehouse.releases import published
from lakehouse.releases.readable import check_readable
from lakehouse.run.plan import Request
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.folder import Folder
from lakehouse.storage.log import Log
from lakehouse.table import Table
from lakehouse.upkeep.verify import examine_tables
from tests.run.test_laws import CHAIN, WINDOWS, all_rows, deliver, run_on, tables_of

pytestmark = pytest.mark.slow

BRONZE, SILVER = CHAIN.table("bronze.clickstream"), CHAIN.table("silver.clickstream")


class Disturbed:
    """A store beside which something happens once, before the first rows of a table are written."""

    def __init__(self, datamart: Datamart, at: Table, happens: Callable[[], object]) -> None:
        self.store = EmbeddedStore(datamart)
        self.at, self.happens = at, happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def merge(self, table: Table, *args: Any, **named: Any) -> list[Merged]:
        self._happen(table)
        return self.store.merge(table, *args, **named)

    def load(self, table: Table, *args: Any) -> list[Merged]:
        self._happen(table)
        return self.store.load(table, *args)

    def _happen(self, table: Table) -> None:
        if table == self.at:
            happens, self.happens = self.happens, lambda: None
            happens()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Raw files that no run has taken yet."""
    deliver(tmp_path / "data", all_rows())
    return tmp_path


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    root = tmp_path_factory.mktemp("undisturbed")
    deliver(root / "data", all_rows())
    run_on(CHAIN, root)
    return tables_of(root)


def run_beside(root: Path, at: Table, happens: Callable[[], object]) -> None:
    run_on(CHAIN, root, open_store=lambda datamart, _size: Disturbed(datamart, at, happens))


def cleaned_up(root: Path) -> None:
    """Remove the lock, as a clean-up job that does not know it."""
    (root / "datamart" / ".lock").unlink()


def releases(root: Path) -> list[int]:
    return [release.number for release in published.releases(Log(str(root / "datamart")))]


@pytest.mark.parametrize("at", [BRONZE, SILVER, WINDOWS], ids=lambda table: table.full_name)
def test_a_run_whose_lock_was_removed_writes_nothing_more(
    root: Path, at: Table, undisturbed: dict[str, Any]
) -> None:
    with pytest.raises(LakehouseError, match=r"the lock of datamart .* was removed"):
        run_beside(root, at, lambda: cleaned_up(root))
    assert releases(root) == []
    run_on(CHAIN, root)
    assert releases(root) == [1] and tables_of(root) == undisturbed


@pytest.mark.parametrize("at", [BRONZE, SILVER, WINDOWS], ids=lambda table: table.full_name)
def test_beside_a_run_that_lost_its_lock_another_one_publishes_whole_tables(
    root: Path, at: Table, undisturbed: dict[str, Any]
) -> None:
    def another() -> None:
        cleaned_up(root)
        run_on(CHAIN, root)

    with pytest.raises(LakehouseError, match=r"the lock of datamart .* was removed"):
        run_beside(root, at, another)
    assert releases(root) == [1] and tables_of(root) == undisturbed


@pytest.mark.parametrize("at", [BRONZE, SILVER, WINDOWS], ids=lambda table: table.full_name)
def test_even_if_no_lock_is_looked_at_a_first_load_sees_the_months_of_another_run(
    root: Path, at: Table, undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As between the look at the lock and the commit."""
    monkeypatch.setattr(Folder, "check_fence", lambda self: None)

    def another() -> None:
        cleaned_up(root)
        run_on(CHAIN, root)

    with pytest.raises(LakehouseError, match="another run wrote to it while this run was at work"):
        run_beside(root, at, another)
    assert releases(root) == [1] and tables_of(root) == undisturbed


def write_twice(root: Path, table: Table) -> None:
    """Write the rows of the first month once more, as a blind append of another run of ours does."""
    datamart = Datamart.at(root / "datamart", CHAIN)
    log, store = datamart.log, EmbeddedStore(datamart)
    rows = store.read(table).where(f"month = '{min(log.rows_by_month(table))}'")
    store.load(table, rows, log.history(table, 1)[0].note, [])


def told(root: Path) -> dict[str, str]:
    """The findings of doctor --deep, by table."""
    findings = examine_tables(Datamart.at(root / "datamart", CHAIN))
    return {finding.subject: finding.found for finding in findings if finding.state != "ok"}


@pytest.mark.parametrize("table", [BRONZE, SILVER, WINDOWS], ids=lambda table: table.full_name)
def test_keys_that_are_there_twice_are_not_published_told_and_removed_by_repair(
    root: Path, table: Table
) -> None:
    run_on(CHAIN, root)
    write_twice(root, table)
    deliver(root / "data", all_rows()[1:])
    with pytest.raises(LakehouseError, match=r"have a key that another row has too[,;] .*--repair"):
        run_on(CHAIN, root, request=Request(allow_shrink=True))
    assert releases(root) == [1]
    assert "have a key that another row has too" in told(root)[table.full_name]
    run_on(CHAIN, root, request=Request(repair=True, allow_shrink=True))
    assert told(root) == {} and releases(root) == [1, 2]
    fresh = root / "fresh"
    fresh.mkdir()
    deliver(fresh / "data", all_rows()[1:])
    run_on(CHAIN, fresh)
    assert tables_of(root) == tables_of(fresh)


def test_a_release_that_holds_a_key_twice_keeps_its_files_when_repair_removes_the_rows(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an older program version may have published it."""
    run_on(CHAIN, root)
    write_twice(root, WINDOWS)
    with monkeypatch.context() as older:
        older.setattr("lakehouse.run.passes.check_keys", lambda *_: None)
        run_on(CHAIN, root)
    run_on(CHAIN, root, request=Request(repair=True))
    log = Log(str(root / "datamart"))
    for release in published.releases(log):
        check_readable(log, release.pins, CHAIN.tables)
    assert told(root) == {}

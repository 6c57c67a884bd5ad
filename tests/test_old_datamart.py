"""A datamart of any earlier format keeps working: releases, receipts and hashes survive every change."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lakehouse import Lakehouse
from lakehouse.catalog import load
from lakehouse.cli.entry import main
from lakehouse.errors import BadInput
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.months import MonthRange
from lakehouse.releases.deliveries import file_versions
from lakehouse.run.job import Report
from lakehouse.run.plan import Request
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.format import FORMAT, OF_SHIPPED, format_of
from lakehouse.storage.log import Log
from lakehouse.upkeep.erase import erase

pytestmark = [pytest.mark.slow, pytest.mark.each]

FIXTURES = Path(__file__).parent / "fixtures"
FILE_BY_FORMAT = {1: "datamart_0.1.0.zip"} | {n: f"datamart_format_{n}.zip" for n in (2, 3, 4)}
ERASED = "CUS_0x41f"
OTHER = "CUS_0x404"
LABELS_BY_RELEASE = {1: 23, 2: 26, 3: 27}
# Since format 4 there are more definitions of a label.
LABELS_BY_FORMAT = {
    1: LABELS_BY_RELEASE,
    2: LABELS_BY_RELEASE,
    3: LABELS_BY_RELEASE,
    4: {1: 39, 2: 45, 3: 48},
}
# The raw files of the formats differ a little, as `generate` has changed.
HASHES_BY_FORMAT = {
    1: (
        "6bf28b1a3cd3ecf9296feddb3235b0a06ad273dc41762ea2dc1a669bf97c9a31",
        "17971d9fd8cebeda5419ce2697552cd748110ff661c367c3de182688889b3cc9",
    ),
    2: (
        "41a0b53ff2c9b5d7b03968f3d2cf0e4ae672f6e647d42004fdbabc48b6151603",
        "ebc499c3101d55eee3ca27ea8da7575abdb26662688cba2e7609296302a214ae",
    ),
    3: (
        "41a0b53ff2c9b5d7b03968f3d2cf0e4ae672f6e647d42004fdbabc48b6151603",
        "ebc499c3101d55eee3ca27ea8da7575abdb26662688cba2e7609296302a214ae",
    ),
    4: (
        "41a0b53ff2c9b5d7b03968f3d2cf0e4ae672f6e647d42004fdbabc48b6151603",
        "ebc499c3101d55eee3ca27ea8da7575abdb26662688cba2e7609296302a214ae",
    ),
}
TRAINING_SETS = ("ts-ce2c3e74a77c", "ts-b3a84acbfaff")
# Counts of loans, as in gold.roll_rates, keep the erased person's in months that are not computed again.
GOLD = [each.full_name for each in load().tables if each.layer == "gold" and each.entity]
NEXT_MONTH = Request(MonthRange(last="2024-01"))


@dataclass(frozen=True)
class Old:
    """An unpacked datamart of an earlier format, and its raw files."""

    format: int
    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def datamart(self) -> Path:
        return self.root / "datamart"

    @property
    def labels(self) -> dict[int, int]:
        """The number of labels in each release."""
        return LABELS_BY_FORMAT[self.format]

    def lake(self) -> Lakehouse:
        return Lakehouse(self.datamart)

    def has_format(self) -> int:
        return format_of(Log(str(self.datamart)))

    def check_training_sets(self) -> None:
        """Each training set comes out with the id and the hash that it had."""
        lake = self.lake()
        for training_set_id, content_hash in zip(
            TRAINING_SETS, HASHES_BY_FORMAT[self.format], strict=True
        ):
            receipt = lake.receipt(lake.reproduce(training_set_id))
            assert (receipt.training_set_id, receipt.content_hash) == (
                training_set_id,
                content_hash,
            )


def unpacked(number: int, root: Path) -> Old:
    with zipfile.ZipFile(FIXTURES / FILE_BY_FORMAT[number]) as packed:
        packed.extractall(root)
    return Old(number, root)


def quick(*numbers: int) -> list[Any]:
    """Each format; those of other numbers are slow."""
    marks = {number: () if number in numbers else (pytest.mark.slow,) for number in FILE_BY_FORMAT}
    return [pytest.param(n, marks=marks[n], id=f"format-{n}") for n in FILE_BY_FORMAT]


@pytest.fixture(params=quick(1, OF_SHIPPED))
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Old:
    return unpacked(request.param, tmp_path / "old")


@pytest.fixture(params=quick(1))
def old_inbox(request: pytest.FixtureRequest, tmp_path: Path) -> Old:
    """The same, for tests that take several deliveries."""
    return unpacked(request.param, tmp_path / "old")


def values(lake: Lakehouse, table: str) -> list[str]:
    return sorted(str(row) for row in lake.table(table).collect())


def test_its_releases_are_read_as_they_were(old: Old) -> None:
    lake = old.lake()
    assert list(lake.releases().index) == [1, 2, 3]
    for release, labels in old.labels.items():
        assert lake.at(release=release).table("gold.label_store").count() == labels
    assert lake.at(month="2023-11").release == 2


def test_its_training_sets_come_out_with_the_same_id_and_hash(old: Old) -> None:
    lake = old.lake()
    assert list(lake.training_sets().index) == [*TRAINING_SETS]
    old.check_training_sets()
    asked_again = lake.receipt(lake.training_set(release=1))
    assert asked_again.training_set_id == TRAINING_SETS[0]


def test_the_erased_person_is_in_no_release(old: Old) -> None:
    for release in old.labels:
        past = old.lake().at(release=release)
        for table in ("bronze.attributes", "bronze.loan_daily", "gold.label_store"):
            assert values(past, table)
            assert ERASED not in "".join(values(past, table))


def test_it_takes_the_next_month_and_its_past_stays(
    old: Old, run_job: Callable[..., Report], tmp_path: Path
) -> None:
    report = run_job(data=old.data, datamart=old.datamart, request=NEXT_MONTH)
    assert report.release == 4
    assert old.has_format() == OF_SHIPPED
    run_job(data=old.data, datamart=tmp_path / "fresh", request=NEXT_MONTH)
    lake, fresh = old.lake(), Lakehouse(tmp_path / "fresh")
    for table in GOLD:
        assert values(lake, table) == values(fresh, table), table
    assert lake.at(release=3).table("gold.label_store").count() == old.labels[3]
    old.check_training_sets()
    again = run_job(data=old.data, datamart=old.datamart, request=NEXT_MONTH)
    assert (again.published, again.release) == ([], 4)


def lines(file: Path, keep: Callable[[str], bool]) -> str:
    """The header of a raw file, and those of its rows."""
    header, *rows = file.read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join([header, *filter(keep, rows)])


def test_its_file_may_be_archived_before_files_with_other_names_come(
    old_inbox: Old, run_job: Callable[..., Report], tmp_path: Path
) -> None:
    loans, later = (
        old_inbox.data / "lms_loan_daily.csv",
        old_inbox.data / "lms_loan_daily_later.csv",
    )
    whole = old_inbox.data.parent / "archived.csv"
    run_next = partial(run_job, data=old_inbox.data, request=NEXT_MONTH)
    loans.rename(whole)
    months = ("2023-12", "2024-01")
    later.write_text(lines(whole, lambda row: row.split(",")[-1][:7] in months), encoding="utf-8")
    run_next(datamart=old_inbox.datamart)

    # The rows that the later file loses were in the archived one, so they stay.
    later.write_text(lines(later, lambda row: "2023-12" not in row), encoding="utf-8")
    run_job(
        data=old_inbox.data,
        datamart=old_inbox.datamart,
        request=Request(MonthRange(last="2024-01"), allow_shrink=True),
    )

    whole.rename(loans)
    run_next(datamart=tmp_path / "fresh")
    for table in GOLD:
        assert values(old_inbox.lake(), table) == values(Lakehouse(tmp_path / "fresh"), table), (
            table
        )
    noted = {(each.file, each.replaced) for each in file_versions(Log(str(old_inbox.datamart)))}
    assert {("lms_loan_daily.csv", False), (later.name, True), (later.name, False)} <= noted


def test_it_takes_files_of_an_inbox_beside_its_own_and_keeps_what_is_archived(
    old_inbox: Old, run_job: Callable[..., Report], tmp_path: Path
) -> None:
    loans = old_inbox.data / "lms_loan_daily.csv"
    header, *rows = loans.read_text(encoding="utf-8").splitlines()
    known = [row for row in rows if row.split(",")[-1] < "2024-01"]
    corrected, deleted = known[0].replace(",10000,", ",10001,"), known[1]
    for name, row in (("later.csv", corrected), ("later.deleted.csv", deleted)):
        file = old_inbox.data / "lms_loan_daily" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{header}\n{row}\n", encoding="utf-8")
    fresh = tmp_path / "fresh"
    run_job(data=old_inbox.data, datamart=fresh, request=NEXT_MONTH)

    run_job(data=old_inbox.data, datamart=old_inbox.datamart, request=NEXT_MONTH)

    for table in GOLD:
        assert values(old_inbox.lake(), table) == values(Lakehouse(fresh), table), table
    loans.unlink()
    again = run_job(data=old_inbox.data, datamart=old_inbox.datamart, request=NEXT_MONTH)
    assert (again.published, again.tables) == ([], {})
    old_inbox.check_training_sets()


def test_a_person_is_erased_from_it_and_nobody_else(old: Old) -> None:
    erase(Datamart.at(old.datamart, load()), old.data, OTHER)
    for release, labels in old.labels.items():
        past = old.lake().at(release=release)
        for table in ("bronze.attributes", "bronze.loan_daily", "gold.label_store"):
            assert OTHER not in "".join(values(past, table))
        kept = past.table("gold.label_store").count()
        assert labels - 6 <= kept < labels


def test_each_format_has_a_datamart_here() -> None:
    assert [*FILE_BY_FORMAT] == [*range(1, OF_SHIPPED + 1)]


class KilledError(Exception):
    """Raised in the place of a kill of the process."""


@contextmanager
def killed_at_next_step(after: bool) -> Iterator[None]:
    """Raise just before or just after the next step of an upgrade: a table, columns, or the format."""

    def dying(step: Callable[..., None]) -> Callable[..., None]:
        def once(*given: Any, **named: Any) -> None:
            if after:
                step(*given, **named)
            raise KilledError

        return once

    with pytest.MonkeyPatch.context() as patch:
        for name in ("create", "add_columns", "set_properties"):
            patch.setattr(Log, name, dying(getattr(Log, name)))
        yield


@pytest.mark.slow
def test_an_upgrade_that_is_killed_at_each_step_goes_on(
    run_job: Callable[..., Report], tmp_path: Path
) -> None:
    old = unpacked(1, tmp_path / "old")
    run_next = partial(run_job, data=old.data, datamart=old.datamart, request=NEXT_MONTH)
    kills = 0
    while old.has_format() < OF_SHIPPED:
        for after in (False, True):
            with killed_at_next_step(after), pytest.raises(KilledError):
                run_next()
            kills += 1
            lake = old.lake()
            assert [*lake.releases().index] == [*LABELS_BY_RELEASE]
            assert lake.at(release=1).table("gold.label_store").count() == LABELS_BY_RELEASE[1]
    assert kills > 2

    assert run_next().release == 4
    assert old.lake().at(release=3).table("gold.label_store").count() == 27
    old.check_training_sets()
    assert run_next().published == []


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Old:
    """The present datamart as a newer version would leave it."""
    kept = unpacked(OF_SHIPPED, tmp_path_factory.mktemp("newer"))
    Log(str(kept.datamart)).set_properties(RELEASES, {"lakehouse.format": str(FORMAT + 1)})
    return kept


def files(root: Path) -> dict[Path, int]:
    """Each file, locks as well, with its time of change."""
    return {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


REFUSED = [
    "run",
    "run --repair",
    "run --full-refresh",
    "plan",
    "status",
    "history",
    "releases",
    "diff 1 2",
    "training-set --out {}/t.parquet",
    "training-set --reproduce ts-ce2c3e74a77c --out {}/t.parquet",
    "training-sets",
    "audit",
    "model --out {}/model.html",
    "doctor",
    "optimize",
    "vacuum --yes",
    f"erase --customer {OTHER} --yes",
    "backup --to {}/backup",
]


@pytest.mark.parametrize("command", REFUSED)
def test_every_command_refuses_a_newer_format_in_one_line(
    command: str, newer: Old, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = files(newer.root)
    words = command.format(tmp_path).split()

    code = main([*words, "--datamart", str(newer.datamart)])

    assert code == 2
    (line,) = [line for line in capfd.readouterr().err.splitlines() if "error:" in line]
    assert (
        f"has format {FORMAT + 1}, and this program knows formats up to {FORMAT}; a newer" in line
    )
    assert files(newer.root) == before and not [*tmp_path.iterdir()]


def test_python_refuses_a_newer_format(newer: Old, run_job: Callable[..., Report]) -> None:
    with pytest.raises(BadInput, match=f"has format {FORMAT + 1}"):
        Lakehouse(newer.datamart)
    with pytest.raises(BadInput, match=f"has format {FORMAT + 1}"):
        run_job(data=newer.data, datamart=newer.datamart)

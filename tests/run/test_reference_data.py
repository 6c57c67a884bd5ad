"""Reference data without a date: one truth as of a release, and what depends on it follows a change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from lakehouse.cli import main
from lakehouse.lake import Lakehouse
from lakehouse.months import UNDATED
from tests.banks import branches
from tests.banks.files import copied, write
from tests.on_spark import OnSpark

BRANCHES, GROUP = "silver.branches", "gold.features_people"


@dataclass
class Home:
    """A bank with branches, its raw files and its datamart."""

    root: Path
    bank: Path
    capfd: pytest.CaptureFixture[str]

    def argv(self, *words: str) -> list[str]:
        return [*words, "--tables", str(self.bank), "--datamart", str(self.root / "datamart")]

    def told(self, *words: str, code: int = 0) -> str:
        self.capfd.readouterr()
        assert main(self.argv(*words)) == code
        return " ".join("".join(self.capfd.readouterr()).split())

    def run(self, *words: str, code: int = 0) -> str:
        return self.told("run", "--data", str(self.data), *words, code=code)

    @property
    def data(self) -> Path:
        return self.root / "data"

    def lake(self, release: int | None = None) -> Lakehouse:
        lake = Lakehouse(self.root / "datamart", tables=self.bank)
        return lake if release is None else lake.at(release=release)

    def staff(self, release: int | None = None) -> dict[str, int]:
        found = self.lake(release).sql(f"SELECT branch, staff, month FROM {BRANCHES}").collect()
        assert {row["month"] for row in found} <= {UNDATED}
        return {row["branch"]: row["staff"] for row in found}

    def of_people(self, release: int | None = None) -> set[int | None]:
        query = f"SELECT DISTINCT staff FROM {GROUP} WHERE month < '2024-04'"
        return {row["staff"] for row in self.lake(release).sql(query).collect()}


@pytest.fixture
def home(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Home:
    bank = copied(tmp_path / f"branches_{tmp_path.name}".replace("-", "_"))
    branches.add(bank)
    branches.write(write(tmp_path / "data"))
    return Home(tmp_path, bank, capfd)


def test_a_changed_row_reaches_every_month_and_each_release_keeps_its_own(home: Home) -> None:
    home.run()
    assert "Nothing is pending" in home.run()
    branches.write(home.data, {"east": 12, "west": 31})
    plan = home.told("plan", "--data", str(home.data))
    assert f"{GROUP} after {BRANCHES}, which has no date: every month" in plan
    assert "silver.people" not in plan and "gold.outcomes" not in plan

    assert "Release 2 published" in home.run()
    assert (home.staff(1), home.staff()) == (branches.STAFF, {"east": 12, "west": 31})
    assert (home.of_people(1), home.of_people()) == ({12, 30}, {12, 31})
    diff = home.told("diff", "1", "2")
    assert f"{BRANCHES} 0 1 0" in diff and f"{GROUP} 0 87 0" in diff
    assert home.lake().lookup(["70001"], "2024-02-01").staff[0] in (12, 31)


def test_a_file_is_the_whole_truth_or_only_has_rows_to_correct(home: Home) -> None:
    home.run()
    branches.write(home.data, {"east": 13})
    home.run("--delivery", "rows")
    assert home.staff() == {"east": 13, "west": 30}
    branches.write(home.data, {"east": 14})
    home.run("--delivery", "months", "--allow-shrink")
    assert home.staff() == {"east": 14} and None in home.of_people()


def test_a_bad_row_goes_to_quarantine_and_a_month_takes_the_rows_without_date_too(
    home: Home,
) -> None:
    branches.write(home.data, {"east": 12, "west": "many"})
    home.run("--max-bad", "0.5", "--month", "2024-03")
    assert home.staff() == {"east": 12}
    assert f"branches branches.csv 3 {UNDATED} staff is not a whole number" in home.told(
        "quarantine"
    )
    told = home.told("deliveries", "--data", str(home.data))
    assert " 2 1 1 0 0 no date " in told, told
    branches.write(home.data)
    home.run()
    assert home.staff() == branches.STAFF
    assert "quarantine" not in home.told("quality").replace("quarantined", "")


def test_by_month_it_comes_with_the_first_release(home: Home) -> None:
    home.run("--by-month", "--through", "2024-03")
    assert home.staff(1) == branches.STAFF
    assert [row.through for row in home.lake().releases().itertuples()][-1:] == ["2024-03"]


def test_upkeep_takes_it_like_any_table(home: Home) -> None:
    home.run()
    for words in ("--deep", "--recompute"):
        home.told("doctor", words, "--data", str(home.data))
    for words in ("optimize", "erase --customer 70003 --yes"):
        home.told(*words.split())
    assert home.staff() == branches.STAFF
    assert f"{BRANCHES} 2 no date" in home.told("status")


@pytest.mark.slow
def test_the_audit_passes_and_says_which_features_read_it(home: Home) -> None:
    home.run()
    told = home.told("audit", "--data", str(home.data))
    assert "Nothing leaks" in told
    said = f"{GROUP} reads {BRANCHES} as of the release, because it has no date; 1 feature from there: staff"
    assert said in told


@pytest.mark.spark
def test_either_engine_goes_on_where_the_other_stopped(home: Home, on_spark: OnSpark) -> None:
    home.run()
    branches.write(home.data, {"east": 12, "west": 31})
    words = ("run", "--engine", "spark", "--data", str(home.data))
    assert on_spark(main, home.argv(*words)) == 0
    assert "Nothing is pending" in home.run()
    assert home.of_people() == {12, 31}

"""A bank with rows that hold until a day: training sets, lookups and joins see what holds on their day."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.cli import main
from tests.banks import jobs
from tests.banks.home import Home
from tests.on_spark import OnSpark

DAYS = {f"700{2 * number}0": f"2024-0{number + 1}-01" for number in range(5)}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path, jobs)


def test_an_application_sees_what_holds_on_its_day_in_a_set_and_in_a_lookup(home: Home) -> None:
    home.run("--by-month")
    lake = home.lake()
    for known in ("now", "then"):
        made = lake.training_set(known=known).toPandas().set_index("customer_id").job
        assert {who: made[who] or None for who in jobs.HELD} == jobs.HELD, known
    for who, day in DAYS.items():
        assert lake.lookup([who], day).job[0] == jobs.HELD[who]


def test_an_end_that_comes_later_gives_the_rows_of_one_build_and_older_releases_stay(
    home: Home,
) -> None:
    jobs.write(home.data, [row.replace("2024-03-02", "") for row in jobs.JOBS])
    home.run()
    jobs.write(home.data)
    home.run()
    home.run(at="of_one")
    assert home.gold() == home.gold("of_one")
    lake = home.lake()
    late = [each.lookup(["70040"], "2024-03-02").job[0] for each in (lake.at(release=1), lake)]
    assert late == ["cook", None]


def test_rows_that_overlap_are_refused_with_their_number(
    home: Home, capfd: pytest.CaptureFixture[str]
) -> None:
    jobs.write(home.data, [*jobs.JOBS, "70040,clerk,2024-03-01,", "70080,cook,2024-01-01,"])
    assert main(home.argv("run")) != 0
    said = capfd.readouterr().err
    assert "silver.jobs_valid" in said and "2 rows" in said and "one_at_a_time" in said


@pytest.mark.slow
def test_the_audit_finds_no_leak(home: Home, capfd: pytest.CaptureFixture[str]) -> None:
    home.run()
    capfd.readouterr()
    assert main(home.argv("audit")) == 0
    assert "Nothing leaks" in capfd.readouterr().out


@pytest.mark.spark
def test_spark_gives_the_same_rows(home: Home, on_spark: OnSpark) -> None:
    assert on_spark(main, home.argv("run", "--engine", "spark")) == 0
    home.run(at="of_one")
    assert home.gold() == home.gold("of_one")

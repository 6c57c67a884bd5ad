"""A bank with events: each application sees what was so on the day before it, however the data came."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from lakehouse.cli import main
from tests.banks import payments
from tests.banks.home import Home
from tests.on_spark import OnSpark


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path, payments)


def test_an_application_sees_the_payments_before_its_day_and_none_of_the_day_itself(
    home: Home,
) -> None:
    home.run()
    made = home.lake().training_set().toPandas()
    assert len(made) == payments.CUSTOMERS
    for row in made.itertuples():
        applied = row.application_date
        ages = {
            n: (applied - at.date()).days
            for n, (_, customer, at, _) in enumerate(payments.payments())
            if customer == row.customer_id
        }
        amounts = [payments.payments()[n][3] for n, age in ages.items() if 1 <= age <= 30]
        assert row.payments_snapshot_date == applied
        assert row.paid_30d == sum(amounts)
        assert row.payments_90d == sum(1 <= age <= 90 for age in ages.values())
    found = home.lake().lookup(["70000"], "2024-01-01").iloc[0]
    assert found.paid_30d == made[made.customer_id == "70000"].paid_30d.iloc[0]
    kinds = dict(home.lake().sql("SELECT paid_at, paid_on FROM silver.payments").dtypes)
    assert kinds == {"paid_at": "timestamp", "paid_on": "date"}


def test_payments_that_come_later_give_the_rows_of_one_build(home: Home) -> None:
    payments.write(home.data, until=date(2024, 3, 15))
    home.run("--through", "2024-02")
    home.run()
    payments.write(home.data)
    home.run()
    home.run(at="of_one")
    assert home.gold() == home.gold("of_one")


@pytest.mark.slow
def test_the_audit_finds_no_leak(home: Home, capfd: pytest.CaptureFixture[str]) -> None:
    home.run()
    capfd.readouterr()
    assert main(home.argv("audit")) == 0
    assert "Nothing leaks" in capfd.readouterr().out


@pytest.mark.slow
def test_the_audit_finds_a_group_that_takes_events_of_later_days(
    home: Home, capfd: pytest.CaptureFixture[str]
) -> None:
    file = home.bank / "gold/features_payments.py"
    text = file.read_text(encoding="utf-8")
    # A payment of the 10 days after the day seems to be of the days before.
    late = 'payments = payments.withColumn("paid_on", F.date_sub("paid_on", 10))\n    return over'
    file.write_text(text.replace("return over", late), encoding="utf-8")
    home.run()
    capfd.readouterr()
    assert main(home.argv("audit")) != 0
    told = [line for line in capfd.readouterr().out.splitlines() if "replay" in line]
    failed = [line.split()[0] for line in told if " failed " in line or "LEAK" in line.upper()]
    assert {"truncated", "scrambled"} <= {*failed}, told


@pytest.mark.spark
def test_spark_gives_the_same_rows(home: Home, on_spark: OnSpark) -> None:
    assert on_spark(main, home.argv("run", "--engine", "spark")) == 0
    home.run(at="of_one")
    assert home.gold() == home.gold("of_one")
    kinds = dict(home.lake().sql("SELECT paid_at FROM silver.payments").dtypes)
    assert kinds == {"paid_at": "timestamp"}

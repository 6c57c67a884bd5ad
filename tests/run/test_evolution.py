"""A change of the code recomputes the right tables, and changes the schema only from then on.

Each test changes a copy of the package and runs its main.py as a process.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lakehouse.catalog import load
from lakehouse.generate import generate
from lakehouse.storage.log import Log

pytestmark = [pytest.mark.slow, pytest.mark.each]

ROOT = Path(__file__).parent.parent.parent
CATALOG = load()
DATA_TABLES = [table for table in CATALOG.tables if table.layer != "ledger"]
GOLD_FINANCIALS = "gold/features_financials.py"
LABEL_STORE = "gold/label_store.py"
NEW_FEATURE = '''
@feature("DOUBLE")
def inquiries_per_card_ratio(num_credit_inquiries: Column, num_credit_card: Column) -> Column:
    """Credit inquiries a credit card."""
    return ratio(num_credit_inquiries, num_credit_card)


'''
NEW_TABLE = '''"""One row: an occupation seen in a month."""

from lakehouse.silver.attributes import TABLE as ATTRIBUTES
from lakehouse.table import MONTH_FIELD, Field, Table

TABLE = Table(
    layer="gold",
    name="occupations",
    doc="An occupation seen in a month.",
    keys=("occupation", "month"),
    fields=(Field("occupation", "STRING", "The occupation."), MONTH_FIELD),
    upstreams=(ATTRIBUTES,),
    transform=lambda rows: rows.select("occupation", "month").dropna().distinct(),
)
'''


@dataclass(frozen=True)
class Checkout:
    """A copy of the code with raw files and a datamart beside it."""

    root: Path

    def main(self, *arguments: str) -> Any:
        """Run main.py as a user would; its JSON."""
        command = [sys.executable, "main.py", *arguments, "--json"]
        env = {**os.environ, "LAKEHOUSE_ENGINE": "embedded", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            command, cwd=self.root, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def pending(self) -> set[str]:
        return {step["table"] for step in self.main("plan") if step["pending"]}

    def change(self, file: str, old: str, new: str) -> None:
        path = self.root / "lakehouse" / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{text.count(old)} times in {file}: {old}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    @property
    def log(self) -> Log:
        return Log(str(self.root / "datamart"))

    @property
    def versions(self) -> dict[str, int | None]:
        return {table.full_name: self.log.version(table) for table in DATA_TABLES}

    def rows(self, name: str, version: int | None = None) -> list[dict[str, Any]]:
        table = CATALOG.table(name)
        return sorted(
            self.log.read(table, version), key=lambda row: [str(row[key]) for key in table.keys]
        )


def moved(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in after if before.get(name) != after[name]}


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The code as it is, and what it builds; not to be changed."""
    root = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "main.py", root)
    shutil.copytree(
        ROOT / "lakehouse", root / "lakehouse", ignore=shutil.ignore_patterns("__pycache__")
    )
    generate(root / "data", customers=20, months=2, seed=5)
    checkout = Checkout(root)
    checkout.main("run")
    return checkout


@pytest.fixture
def checkout(built: Checkout, tmp_path: Path) -> Iterator[Checkout]:
    """A copy whose code may be changed, up to date."""
    before = built.versions
    yield Checkout(Path(shutil.copytree(built.root, tmp_path / "copy")))
    assert built.versions == before


def test_the_copied_code_has_nothing_pending_so_the_tests_below_start_from_rest(
    checkout: Checkout,
) -> None:
    assert checkout.pending() == set()


def test_a_changed_feature_function_recomputes_its_table_alone(checkout: Checkout) -> None:
    before = checkout.versions
    was = checkout.rows("gold.features_financials")
    checkout.change(GOLD_FINANCIALS, "delay_from_due_date > 30", "delay_from_due_date > 10")

    assert checkout.pending() == {"gold.features_financials"}
    checkout.main("run")

    assert moved(before, checkout.versions) == {"gold.features_financials"}
    now = checkout.rows("gold.features_financials")
    changed = [(a, b) for a, b in zip(was, now, strict=True) if a != b]
    assert changed
    for old, new in changed:
        assert without(old, "delay_over_30_days") == without(new, "delay_over_30_days")
        assert 10 < new["delay_from_due_date"] <= 30
    assert checkout.pending() == set()


def test_a_changed_feature_function_that_gives_the_same_values_makes_no_version(
    checkout: Checkout,
) -> None:
    before = checkout.versions
    checkout.change(GOLD_FINANCIALS, "delay_from_due_date > 30", "delay_from_due_date >= 31")

    assert checkout.pending() == {"gold.features_financials"}
    checkout.main("run")

    assert checkout.versions == before
    assert checkout.pending() == set()


def test_a_changed_silver_rule_recomputes_its_table_and_what_depends_on_it(
    checkout: Checkout,
) -> None:
    before = checkout.versions
    was = checkout.rows("silver.attributes")
    checkout.change("silver/attributes.py", 'number("Age", *AGE_YEARS', 'number("Age", 40, 100')

    assert checkout.pending() == {"silver.attributes", "gold.features_attributes"}
    checkout.main("run")

    assert moved(before, checkout.versions) == {"silver.attributes", "gold.features_attributes"}
    young = {row["customer_id"] for row in was if row["age"] is not None and row["age"] < 40}
    ages = {row["customer_id"]: row["age"] for row in checkout.rows("gold.features_attributes")}
    assert young and {ages[customer] for customer in young} == {None}


def test_a_changed_label_definition_recomputes_the_label_store_alone(checkout: Checkout) -> None:
    before = checkout.versions
    checkout.change(LABEL_STORE, '"30dpd_6mob", dpd=30, mob=6', '"30dpd_6mob", dpd=30, mob=3')

    checkout.main("run")

    assert moved(before, checkout.versions) == {"gold.label_store"}
    was, now = mobs(checkout, before["gold.label_store"]), mobs(checkout, None)
    assert was - now == {("30dpd_6mob", 6)} and now - was == {("30dpd_6mob", 3)}


def mobs(checkout: Checkout, version: int | None) -> set[tuple[str, int]]:
    """Each label definition with the month on book of its labels."""
    rows = checkout.rows("gold.label_store", version)
    return {(row["label_def"], row["mob"]) for row in rows}


def test_comments_and_docstrings_recompute_nothing(checkout: Checkout) -> None:
    before = checkout.versions
    late, debt = (
        "return delay_from_due_date > 30",
        '"""Outstanding debt divided by annual income."""',
    )
    checkout.change(GOLD_FINANCIALS, late, f"{late}  # late")
    checkout.change(GOLD_FINANCIALS, debt, '"""Debt by income."""')
    checkout.change("silver/cleaning.py", '"""A day, as ', '"""A day, either as ')
    checkout.change("landing/land.py", "    into.mkdir(", "    # why\n    into.mkdir(")

    assert checkout.pending() == set()
    report = checkout.main("run")

    assert checkout.versions == before
    assert report["release"] == 1


@pytest.mark.slow
def test_a_feature_added_and_later_removed_evolves_the_schema_and_older_versions_still_read(
    checkout: Checkout,
) -> None:
    before = checkout.versions
    was = checkout.rows("gold.features_financials")
    anchor = '@feature("INT")\ndef credit_mix('
    checkout.change(GOLD_FINANCIALS, anchor, NEW_FEATURE + anchor)
    checkout.main("run")

    assert moved(before, checkout.versions) == {"gold.features_financials"}
    wide, added = checkout.rows("gold.features_financials"), checkout.versions
    assert [without(row, "inquiries_per_card_ratio") for row in wide] == was
    for row in wide:
        if row["num_credit_inquiries"] is not None and row["num_credit_card"]:
            ratio = row["num_credit_inquiries"] / row["num_credit_card"]
            assert row["inquiries_per_card_ratio"] == ratio
    assert any(row["inquiries_per_card_ratio"] for row in wide)

    checkout.change(GOLD_FINANCIALS, NEW_FEATURE, "")
    checkout.main("run")

    assert moved(added, checkout.versions) == {"gold.features_financials"}
    assert checkout.rows("gold.features_financials") == was
    assert checkout.rows("gold.features_financials", added["gold.features_financials"]) == wide
    assert checkout.rows("gold.features_financials", before["gold.features_financials"]) == was
    assert checkout.pending() == set()


def test_each_release_reads_with_the_columns_it_had(checkout: Checkout) -> None:
    anchor = '@feature("INT")\ndef credit_mix('
    checkout.change(GOLD_FINANCIALS, anchor, NEW_FEATURE + anchor)
    checkout.main("run")
    script = (
        "import json; from lakehouse import Lakehouse; lake = Lakehouse('datamart')\n"
        "tables = [lake.at(release=r).table('gold.features_financials') for r in (1, 2)]\n"
        "print(json.dumps([['inquiries_per_card_ratio' in t.columns, t.count()] for t in tables]))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=checkout.root,
        env={**os.environ, "LAKEHOUSE_ENGINE": "embedded"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(done.stdout.splitlines()[-1]) == [[False, 20], [True, 20]]


@pytest.mark.slow
def test_a_silver_column_removed_leaves_gold_as_it_was_and_the_next_delivery_still_runs(
    checkout: Checkout,
) -> None:
    before = checkout.versions
    was = checkout.rows("gold.label_store")
    checkout.change(
        "silver/loan_daily.py",
        '        number("paid_amt", 0, _AMOUNT_HIGH, "Amount paid for this installment."),\n',
        "",
    )
    # The rule that reads it goes with it.
    checkout.change(
        "silver/loan_daily.py", "paid_amt < due_amt AND overdue_amt <> 0 AND", "false AND"
    )
    checkout.change("silver/loan_daily.py", "due_amt - paid_amt", "due_amt")
    checkout.main("run")

    assert moved(before, checkout.versions) - {"gold.label_store"} == {"silver.loan_daily"}
    assert "paid_amt" not in checkout.rows("silver.loan_daily")[0]
    assert "paid_amt" in checkout.rows("silver.loan_daily", before["silver.loan_daily"])[0]
    assert checkout.rows("gold.label_store") == was

    loans = checkout.root / "data" / "lms_loan_daily.csv"
    header, first, *rest = loans.read_text().splitlines()
    loans.write_text("\n".join([header, *rest]) + "\n")
    checkout.main("run")

    assert first.split(",")[0] not in {
        row["loan_id"] for row in checkout.rows("silver.loan_daily") if row["mob"] == 0
    }
    assert checkout.pending() == set()


def test_a_table_added_as_one_file_is_built_and_an_older_release_does_not_have_it(
    checkout: Checkout,
) -> None:
    before = checkout.versions
    (checkout.root / "lakehouse" / "gold" / "occupations.py").write_text(NEW_TABLE)

    assert checkout.pending() == {"gold.occupations"}
    report = checkout.main("run")

    assert report["release"] == 2
    assert checkout.versions == before
    (found,) = checkout.main("diff", "1", "2")
    pairs = {
        (row["occupation"], row["month"])
        for row in checkout.rows("silver.attributes")
        if row["occupation"]
    }
    assert pairs
    assert found == {"table": "gold.occupations", "added": len(pairs), "changed": 0, "removed": 0}

"""Reference data without a date for a copy of the corner bank: branches, which the group of people joins."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

STAFF = {"east": 12, "west": 30}

_BRONZE = '''"""One row: a delivered row about a branch, as text."""

from lakehouse.bronze.raw import bronze_table
from lakehouse.table import Field, Source

TABLE = bronze_table(
    Source(
        name="branches",
        file_names=("branches.csv",),
        columns=(
            Field("branch", "STRING", "The branch."),
            Field("staff", "STRING", "People who work there."),
        ),
        keys=("branch",),
        entity="",
        date="",
        required=(("branch", "text"), ("staff", "integer")),
        delimiter=";",
    ),
    "A delivered row about a branch.",
)
'''
_SILVER = '''"""One row: a branch."""

from lakehouse.silver.cleaning import number, silver_table

from ..bronze.branches import TABLE as BRONZE

TABLE = silver_table(
    BRONZE, "A branch.", [number("staff", 0, 1000, "People who work there.", whole=True)]
)
'''
_GROUP = '''"""One row: what is known of a customer and the branch as of seen_on."""

from lakehouse.feature import declared_in, feature
from lakehouse.gold.feature_group import feature_group

from ..silver.branches import TABLE as BRANCHES
from ..silver.people import TABLE as PEOPLE


@feature("DOUBLE")
def turnover(turnover):
    """Turnover of the month."""
    return turnover


@feature("INT")
def staff(staff):
    """People who work in the branch."""
    return staff


def with_branch(people, branches, months):
    """The people with what is known of their branch."""
    return people.join(branches.select("branch", "staff"), "branch", "left")


TABLE = feature_group(
    "people",
    "What is known of a customer and the branch as of seen_on.",
    PEOPLE,
    declared_in(globals()),
    max_age_months=12,
    prepare=with_branch,
    joined=(BRANCHES,),
)
'''


def add(bank: Path) -> None:
    """Declare the source in a copy of the bank, and let the group of people join it."""
    (bank / "bronze/branches.py").write_text(_BRONZE, encoding="utf-8")
    (bank / "silver/branches.py").write_text(_SILVER, encoding="utf-8")
    (bank / "gold/features_people.py").write_text(_GROUP, encoding="utf-8")


def write(data: Path, staff: Mapping[str, object] = STAFF, name: str = "branches.csv") -> None:
    """A file of the branches."""
    rows = [f"{branch};{number}" for branch, number in staff.items()]
    (data / name).write_text("\n".join(["branch;staff", *rows]) + "\n", encoding="utf-8")

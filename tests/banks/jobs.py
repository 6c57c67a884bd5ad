"""Rows with a validity for a copy of the corner bank: jobs of customers, from a day until another."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

GROUP = "gold.features_jobs"
_BRONZE = '''"""One row: a delivered row about a job of a customer, as text."""

from lakehouse.bronze.raw import bronze_table
from lakehouse.table import Field, Source

TABLE = bronze_table(
    Source(
        name="jobs",
        file_names=("jobs.csv",),
        columns=(
            Field("cust_no", "STRING", "The customer."),
            Field("job", "STRING", "The job."),
            Field("since", "STRING", "From this day on."),
            Field("until", "STRING", "Until this day."),
        ),
        keys=("cust_no", "since"),
        entity="cust_no",
        date="since",
        required=(("cust_no", "identifier"), ("since", "date")),
        valid_to="until",
    ),
    "A delivered row about a job.",
)
'''
_SILVER = '''"""One row: a job of a customer."""

from lakehouse.silver.cleaning import choice, date, silver_table

from ..bronze.jobs import TABLE as BRONZE

TABLE = silver_table(
    BRONZE, "A job.", [choice("job", ("cook", "clerk"), "The job."), date("until", "Its end.")]
)
'''
_VALID = '''"""One row: a day on which a job of a customer begins or ends."""

from lakehouse.silver.validity import validity_table

from .jobs import TABLE as JOBS

TABLE = validity_table(JOBS, "A day on which a job of a customer begins or ends.")
'''
_GROUP = '''"""One row: the job of a customer from a day on."""

from lakehouse.feature import declared_in, feature
from lakehouse.gold.feature_group import feature_group

from ..silver.jobs_valid import TABLE as JOBS


@feature("STRING")
def job(job):
    """The job; NULL without one."""
    return job


TABLE = feature_group(
    "jobs", "The job of a customer.", JOBS, declared_in(globals()), max_age_months=1200
)
'''
# Customer 70000 applied on 2024-01-01, 70020 on 2024-02-01, 70040 on 2024-03-01, and so on.
JOBS = (
    "70000,cook,2020-01-01,2024-01-01", "70000,clerk,2024-01-01,",
    "70020,cook,2020-01-01,2024-02-01", "70040,cook,2020-01-01,2024-03-02",
    "70060,clerk,2024-04-02,", "70080,clerk,2023-05-01,NULL",
)  # fmt: skip
# One more of most other customers, some with an end.
OTHERS = tuple(
    f"{70_000 + n},{'cook' if n % 3 else 'clerk'},2024-0{n % 8 + 1}-0{n % 5 + 1},"
    f"{'' if n % 4 else f'2024-1{n % 3}-05'}"
    for n in range(160)
    if n not in (0, 20, 40, 60, 80)
)
HELD = {"70000": "clerk", "70020": None, "70040": "cook", "70060": None, "70080": "clerk"}


def add(bank: Path) -> None:
    """Declare the source and its group in a copy of the bank."""
    for name, text in {
        "bronze/jobs": _BRONZE,
        "silver/jobs": _SILVER,
        "silver/jobs_valid": _VALID,
        "gold/features_jobs": _GROUP,
    }.items():
        (bank / f"{name}.py").write_text(text, encoding="utf-8")


def write(data: Path, rows: Iterable[str] = JOBS) -> None:
    """A file of jobs."""
    text = "\n".join(["cust_no,job,since,until", *rows, *OTHERS]) + "\n"
    (data / "jobs.csv").write_text(text, encoding="utf-8")

"""One row: who the customer is, as of snapshot_date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.feature import declared_in, feature
from lakehouse.gold.feature_group import feature_group
from lakehouse.silver.attributes import AGE_OF_AN_ADULT
from lakehouse.silver.attributes import TABLE as ATTRIBUTES

if TYPE_CHECKING:
    from pyspark.sql import Column


@feature("INT")
def age(age: Column) -> Column:
    """Age in years, NULL outside 18 to 100."""
    return age


@feature("INT")
def age_decade(age: Column) -> Column:
    """Age in full decades, in years: 40 for 40 to 49."""
    return F.floor(age / 10) * 10


@feature("STRING")
def occupation(occupation: Column) -> Column:
    """Occupation."""
    return occupation


@feature("INT")
def occupation_known(occupation: Column) -> Column:
    """1 if an occupation was given, else 0."""
    return occupation.isNotNull()


@feature("INT")
def ssn_valid(ssn_valid: Column) -> Column:
    """1 if a well-formed SSN was given, else 0."""
    return F.coalesce(ssn_valid, F.lit(False))


TABLE = feature_group(
    "attributes",
    "Who the customer is, as of snapshot_date.",
    ATTRIBUTES,
    declared_in(globals()),
    max_age_months=12,
    expectations=[AGE_OF_AN_ADULT],
)

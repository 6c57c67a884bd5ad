"""One row: who the customer is, in the month of the application, without name and SSN."""

from lakehouse import functions as F
from lakehouse.bronze.attributes import TABLE as BRONZE
from lakehouse.bronze.personal_numbers import SSN
from lakehouse.silver.cleaning import Cell, choice, number, silver_table
from lakehouse.table import Field

# Only whether it is well-formed leaves bronze. A hash of nine digits can be undone by trying them all.
SSN_VALID = Cell(
    raw="SSN",
    field=Field(
        "ssn_valid", "BOOLEAN", "Whether a well-formed SSN was given; the number stays in bronze."
    ),
    parse=lambda value: value.rlike(rf"^{SSN.form}\z"),
    judge=lambda value, valid: F.when(~valid, "not well-formed").when(F.lit(False), value),
)

AGE_YEARS = (18, 100)
AGE_OF_AN_ADULT = (
    "age_of_an_adult",
    "age IS NULL OR (age >= {} AND age <= {})".format(*AGE_YEARS),
)

# A closed list, because in a shifted row any text may be a name. Any other text stays in bronze.
OCCUPATIONS = (
    "Accountant", "Architect", "Developer", "Doctor", "Engineer", "Entrepreneur", "Journalist", "Lawyer",
    "Manager", "Mechanic", "Media_Manager", "Musician", "Scientist", "Teacher", "Writer",
)  # fmt: skip

TABLE = silver_table(
    BRONZE,
    "Who the customer is, in the month of the application; name and SSN stay in bronze.",
    [
        number("Age", *AGE_YEARS, "Age in years.", whole=True),
        choice("Occupation", OCCUPATIONS, "Occupation.", placeholders=["_______"]),
        SSN_VALID,
    ],
    expectations=[AGE_OF_AN_ADULT],
)

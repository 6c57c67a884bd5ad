"""One row: a delivered row about who the customer is, in the month of the application, as text."""

from lakehouse.bronze.personal_numbers import SSN
from lakehouse.bronze.raw import bronze_table
from lakehouse.table import Field, Source

SOURCE = Source(
    name="attributes",
    file_names=("features_attributes.csv", "feature_attributes.csv"),
    columns=(
        Field("Customer_ID", "STRING", "The customer, as `CUS_0x1069`."),
        Field("Name", "STRING", "The customer's name; it never leaves bronze.", personal=True),
        Field("Age", "STRING", "Age in years."),
        Field(
            "SSN",
            "STRING",
            "Social security number; it never leaves bronze.",
            personal=True,
            number=SSN,
        ),
        Field("Occupation", "STRING", "Occupation; `_______` if unknown."),
        Field("snapshot_date", "STRING", "The day on which the attributes are known."),
    ),
    keys=("Customer_ID", "snapshot_date"),
    entity="Customer_ID",
    date="snapshot_date",
    # The id goes on to every layer, so a shifted row must not bring a name or SSN into it.
    required=(("Customer_ID", "identifier"), ("snapshot_date", "date")),
    monthly=True,
)

TABLE = bronze_table(
    SOURCE, "A delivered row about who the customer is, in the month of the application."
)

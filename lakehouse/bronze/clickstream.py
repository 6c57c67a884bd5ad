"""One row: a delivered row of the clickstream, a customer's 20 signals in a month, as text."""

from lakehouse.bronze.raw import bronze_table
from lakehouse.table import Field, Source

SIGNALS = tuple(f"fe_{i}" for i in range(1, 21))

SOURCE = Source(
    name="clickstream",
    file_names=("feature_clickstream.csv", "features_clickstream.csv"),
    columns=(
        *(
            Field(name, "STRING", "A signal of the customer's clicks; its unit is unknown.")
            for name in SIGNALS
        ),
        Field("Customer_ID", "STRING", "The customer, as `CUS_0x1069`."),
        Field("snapshot_date", "STRING", "The day on which the signals are known."),
    ),
    keys=("Customer_ID", "snapshot_date"),
    entity="Customer_ID",
    date="snapshot_date",
    required=(("Customer_ID", "text"), ("snapshot_date", "date")),
    monthly=True,
)

TABLE = bronze_table(
    SOURCE, "A delivered row of the clickstream: a customer's 20 signals in a month."
)

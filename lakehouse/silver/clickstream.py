"""One row: a customer's 20 signals in a month, typed."""

from lakehouse.bronze.clickstream import SIGNALS
from lakehouse.bronze.clickstream import TABLE as BRONZE
from lakehouse.silver.cleaning import number, silver_table

TABLE = silver_table(
    BRONZE,
    "A customer's 20 click signals in a month, typed; an impossible value is NULL.",
    # A signal above a million is an error of the transfer; nobody clicks that often.
    [number(name, -1e6, 1e6, "A click signal in this month.", whole=True) for name in SIGNALS],
)

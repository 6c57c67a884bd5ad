"""One row: a client who may dispose of an account."""

from lakehouse.silver.cleaning import choice, silver_table
from lakehouse.silver.open_cells import any_text

from ..bronze.disp import TABLE as BRONZE

OWNER = "OWNER"

TABLE = silver_table(
    BRONZE,
    "A client who may dispose of an account.",
    [
        any_text("client_id", "The client."),
        any_text("account_id", "The account."),
        choice("role", (OWNER, "DISPONENT"), "Its owner, or somebody who may only use it."),
    ],
)

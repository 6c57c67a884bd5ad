"""One row: a transaction of an account, typed."""

from lakehouse import functions as F
from lakehouse.silver.cleaning import choice, number, silver_table
from lakehouse.silver.open_cells import any_text
from lakehouse.table import Field

from ..bronze.trans import TABLE as BRONZE

MOST = 100_000_000
CASH = ("VKLAD", "VYBER", "VYBER KARTOU")
TRANSFERS = ("PREVOD Z UCTU", "PREVOD NA UCET")

TABLE = silver_table(
    BRONZE,
    "A transaction of an account, typed.",
    [
        any_text("account_id", "The account."),
        choice("direction", ("PRIJEM", "VYDAJ", "VYBER"), "PRIJEM comes in, the others go out."),
        choice("manner", (*CASH, *TRANSFERS), "In cash, by card, or to or from another bank."),
        number("amount", 0, MOST, "The amount in crowns."),
        number("balance", -MOST, MOST, "The balance after it, in crowns."),
        choice(
            "k_symbol",
            ("POJISTNE", "SLUZBY", "UROK", "SANKC. UROK", "SIPO", "DUCHOD", "UVER"),
            "What for: insurance, fee, interest, penalty interest, household, pension, loan.",
        ),
    ],
    derived=[
        (
            Field("is_in", "BOOLEAN", "Whether it comes in."),
            lambda: F.col("direction") == "PRIJEM",
        ),
        (
            Field("is_cash", "BOOLEAN", "Whether it is in cash."),
            lambda: F.coalesce(F.col("manner").isin(*CASH), F.lit(False)),
        ),
    ],
)

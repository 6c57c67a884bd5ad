"""Cells of the financials: the true finances as text, with their dirt."""

from __future__ import annotations

import numpy as np

from lakehouse.bronze.credit_words import CREDIT_MIX, KINDS_OF_LOAN, PAYMENT_BEHAVIOURS
from lakehouse.generate.cells import Ints, Reals, Text, decimals, entries, integers, joined
from lakehouse.generate.chance import below
from lakehouse.generate.dirt import impossible, replaced, underscored

MIXES = np.array([mix.encode() for mix in CREDIT_MIX])
PAYS_MINIMUM = np.array([b"No", b"Yes"])
BEHAVIOUR = np.array([behaviour.encode() for behaviour in PAYMENT_BEHAVIOURS])
# Entry 0 stands for the lack of a loan; then each kind as first, in the middle, and as last of a list.
LISTED_KINDS = np.array(
    [b""] + [(link + kind).encode() for link in ("", ", ", ", and ") for kind in KINDS_OF_LOAN]
)
HISTORY_AGES = np.array([f"{m // 12} Years and {m % 12} Months".encode() for m in range(420)])
NO_BALANCE = b"__-333333333333333333333333333__"


def financial_cells(
    rng: np.random.Generator, clean: dict[str, Reals], positions: Ints
) -> list[Text]:
    """The columns between Customer_ID and snapshot_date."""
    rows = len(positions)
    income = impossible(rng, clean["income"], 0.009, 300_000, 23_835_000)
    accounts = impossible(rng, clean["bank_accounts"], 0.0133, 11, 1_757)
    cards = impossible(rng, clean["credit_cards"], 0.0258, 20, 1_500)
    interest = impossible(rng, clean["interest"], 0.0218, 50, 5_790)
    loans = impossible(rng, replaced(rng, clean["loans"], 0.039, -100.0), 0.0037, 50, 1_496)
    late_days = impossible(rng, clean["delay_days"], 0.0067, -5, 0)
    late_payments = impossible(rng, clean["delayed_payments"], 0.0067, -3, 0)
    late_payments = impossible(rng, late_payments, 0.0099, 80, 4_294)
    cut = clean["limit_change"] - 7  # in floats: 10.37 becomes 3.369999999999999, 6.1 negative
    limit_change = replaced(rng, clean["limit_change"], 0.05, cut)
    inquiries = impossible(rng, clean["inquiries"], 0.02, 50, 2_555)
    elsewhere = clean["salary"] * rng.random(rows) * 0.19  # some pay off debts not known here
    emi = impossible(rng, replaced(rng, clean["emi"], 0.06, elsewhere), 0.0354, 1_200, 81_972)
    return [
        underscored(rng, decimals(income), 0.07),
        decimals(clean["salary"]),
        integers(replaced(rng, accounts, 0.0003, -1.0)),
        integers(cards),
        integers(interest),
        underscored(rng, integers(loans), 0.05),
        _loan_list(rng, clean["loans"]),
        integers(late_days),
        underscored(rng, integers(late_payments), 0.03),
        replaced(rng, decimals(limit_change), 0.023, b"_"),
        joined(integers(inquiries), b".0"),
        replaced(rng, entries(MIXES, clean["credit_mix"]), 0.21, b"_"),
        underscored(rng, decimals(clean["debt"]), 0.01),
        decimals(clean["utilization"]),
        entries(HISTORY_AGES, clean["history_months"]),
        replaced(rng, entries(PAYS_MINIMUM, clean["pays_minimum"]), 0.12, b"NM"),
        decimals(emi),
        replaced(rng, decimals(clean["invested"]), 0.042, b"__10000__"),
        replaced(rng, entries(BEHAVIOUR, clean["behaviour"]), 0.08, b"!@9#%8"),
        # one balance in 12,500 is lost, at a fixed place so that a small set has it too
        np.where(positions % 12_500 == 777, NO_BALANCE, decimals(clean["balance"])),
    ]


def _loan_list(rng: np.random.Generator, loans: Reals) -> Text:
    """As many kinds of loan as there are loans: `Auto Loan, Payday Loan, and Auto Loan`."""
    quote = np.where(loans > 1, b'"', b"")
    listed: list[Text | bytes] = [quote]
    for place in range(9):
        link = np.where(place == loans - 1, 2, 1) if place else 0
        kind = 1 + link * len(KINDS_OF_LOAN) + below(rng, len(loans), len(KINDS_OF_LOAN))
        listed.append(LISTED_KINDS[np.where(place < loans, kind, 0)])
    return joined(*listed, quote)

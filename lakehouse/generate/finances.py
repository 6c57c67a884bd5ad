"""The true finances of the customers, by the hidden class that each belongs to; no dirt yet."""

from __future__ import annotations

import numpy as np

from lakehouse.generate.cells import Reals
from lakehouse.generate.chance import below, between_quartiles, weighted

# The hidden classes: share of the borrowers, credit mix, share that pays just the minimum.
CLASS_SHARES = (0.30, 0.10, 0.14, 0.125, 0.09, 0.245)
CLASS_CREDIT_MIX = np.array([2.0, 1, 1, 1, 1, 0])
CLASS_PAYS_MINIMUM = np.array([0.0, 0, 1, 1, 1, 1])
# fmt: off
# Minimum, quartiles and maximum of a quantity in each class; whole numbers are rounded down.
QUARTILES = {
    "age": ((18, 28, 37, 46, 57), (18, 28, 38, 46, 57), (15, 27, 36, 45, 57),
            (14, 22, 30, 39, 47), (14, 23, 31, 39, 47), (14, 22, 30, 37, 47)),
    "income": ((14000, 31000, 45000, 106000, 178000), (10000, 26500, 42000, 82000, 145000),
               (10000, 25000, 43000, 85000, 146000), (7500, 19000, 34000, 65000, 130000),
               (7100, 15000, 20000, 48000, 83500), (7000, 15400, 20600, 53000, 83500)),
    "bank_accounts": ((0, 1.6, 3.1, 4.6, 6), (2, 4.5, 6.2, 7.6, 9), (3, 4.5, 5.9, 7.4, 9),
                      (3, 4.4, 5.7, 7.2, 9), (3, 5.4, 7.1, 8.5, 11), (6, 7.2, 8.4, 9.6, 11)),
    "credit_cards": ((1, 3.5, 4.8, 6.1, 8), (3, 4.4, 5.5, 7, 8), (3, 4.2, 5.4, 6.7, 8),
                     (3, 4.4, 5.5, 6.7, 8), (3, 5.5, 7.1, 8.9, 11), (5, 6.6, 8, 9.5, 11)),
    "interest": ((1, 4, 6.8, 9.6, 13), (1, 7.4, 11.8, 16.1, 21), (5, 9.2, 13.7, 17.5, 21),
                 (5, 9.4, 13.8, 17.4, 21), (15, 19.7, 25.7, 30.1, 35), (15, 19.9, 24.5, 29.7, 35)),
    "loans": ((0, 1.2, 2.5, 3.7, 5), (0, 1.5, 2.9, 4.1, 5), (0, 1.1, 2.4, 3.6, 5),
              (0, 3.1, 4.5, 6.2, 8), (2, 3.4, 5.2, 6.4, 8), (2, 5.7, 7, 8.4, 10)),
    "delay_days": ((0, 4.5, 8.9, 13.6, 31), (4, 11.7, 17.3, 24.1, 34), (2, 10.9, 18.2, 25.4, 35),
                   (3, 11.5, 18.4, 25.4, 36), (5, 17, 23, 33, 62), (13, 27, 38, 50, 65)),
    "delayed_payments": ((0, 3.3, 6.7, 9.9, 16), (5, 11.4, 14.6, 17.8, 23),
                         (6, 11.4, 14.6, 18.3, 24), (5, 11.4, 14.6, 18.2, 23),
                         (6, 11.6, 14.4, 17, 22), (13, 17.6, 20.3, 23.1, 29)),
    "limit_change": ((0.5, 3.3, 6.4, 9.2, 17.3), (0.5, 3.1, 5.9, 8.9, 13.9),
                     (0.5, 8.6, 11.9, 15.7, 24.5), (2.1, 9.8, 13.8, 17.1, 24.3),
                     (1.6, 9.8, 12.9, 16.7, 24.1), (0.5, 6, 15.5, 22, 30.8)),
    "inquiries": ((0, 2.5, 4, 5.7, 10), (0, 2, 3.9, 5.8, 10), (0, 3.3, 4.9, 7.3, 13),
                  (4, 6.4, 8.1, 9.7, 14), (4, 8.9, 11.4, 12.8, 18), (6, 9.2, 11.1, 13, 18)),
    "debt": ((1, 390, 750, 1150, 1490), (1, 420, 720, 1080, 1490), (1, 350, 740, 1140, 1480),
             (30, 510, 1040, 1420, 2680), (1260, 1640, 1980, 2330, 2690),
             (1260, 2180, 2860, 3850, 4985)),
    "history_months": ((189, 242, 297, 351, 405), (189, 239, 292, 344, 405),
                       (189, 236, 291, 351, 403), (69, 111, 156, 200, 249),
                       (69, 121, 162, 203, 249), (9, 76, 119, 162, 247)),
}
# fmt: on
QUARTILES_OF_INVESTED_RATIO = (0.008, 0.0254, 0.0451, 0.0755, 0.135)


def clean_finances(rng: np.random.Generator, rows: int) -> dict[str, Reals]:
    """The true finances: amounts in currency units per month, income per year."""
    group = weighted(rng, rows, CLASS_SHARES)
    clean = {
        name: between_quartiles(rng, np.array(classes, dtype=np.float64)[group])
        for name, classes in QUARTILES.items()
    }
    for name, values in clean.items():
        cents = name in {"income", "limit_change", "debt"}
        clean[name] = np.rint(values * 100) / 100 if cents else np.floor(values)
    salary = clean["income"] / 12 + (below(rng, rows, 601) - 300)
    spread = rng.random(rows) + rng.random(rows) - 1
    clean["utilization"] = 24.2 + 16.7 * rng.random(rows) + 4.6 * spread
    clean["emi"] = clean["loans"] * salary * (0.0044 + 0.0062 * rng.random(rows))
    invested_ratio = np.tile(np.array(QUARTILES_OF_INVESTED_RATIO), (rows, 1))
    thrift = 1.3 - 0.8 * np.minimum(salary / 10_000, 1)  # who earns more invests a smaller part
    clean["invested"] = salary * thrift * between_quartiles(rng, invested_ratio)
    clean["behaviour"] = _behaviour(rng, salary)
    disposable = 290 - 10 * clean["behaviour"] + salary / 10
    clean["balance"] = np.abs(disposable - clean["emi"] - clean["invested"])
    clean["credit_mix"] = CLASS_CREDIT_MIX[group]
    clean["pays_minimum"] = CLASS_PAYS_MINIMUM[group]
    return clean | {"salary": salary}


def _behaviour(rng: np.random.Generator, salary: Reals) -> Reals:
    """Positions in BEHAVIOUR: who earns more spends more, who spends more pays larger sums."""
    high = rng.random(len(salary)) < 0.25 + 0.55 * np.minimum(salary / 10_000, 1)
    place = rng.random(len(salary))
    medium = place >= np.where(high, 0.26, 0.50)
    large = place >= np.where(high, 0.68, 0.78)
    return (3 * high + medium + large).astype(np.float64)

"""Clickstream features in DuckDB SQL, by differences of running sums.

Each row holds the customer's sums so far: over the earlier months, of which each counts once by its
last day, and over the row's own day. A window's sums are these less the sums up to the last day
before the window. All of them are sums of whole numbers, so nothing is lost in a difference.
"""

from __future__ import annotations

from collections.abc import Iterable

SIGNALS = tuple(f"fe_{i}" for i in range(1, 21))
MEASURED = (*SIGNALS, "activity")
WINDOWS_MONTHS = (3, 6)

MACROS = """
CREATE OR REPLACE TEMP MACRO mean(n, x) AS x / nullif(n, 0);

CREATE OR REPLACE TEMP MACRO spread(n, x, xx) AS sqrt((n * xx - x * x) / nullif(n * (n - 1), 0));

CREATE OR REPLACE TEMP MACRO slope(n, x, t, tt, tx) AS
    (n * tx - t * x) / nullif(n * tt - t * t, 0);
"""

QUERY = """
WITH clicks AS (
    SELECT Customer_ID AS customer_id, snapshot_date,
           date_trunc('month', snapshot_date)::DATE AS first_of_month,
           12 * (year(snapshot_date) - 1970) + month(snapshot_date) AS t,
           {signals}
    FROM delivered_clickstream
), measured AS (
    SELECT *, list_sum([{names}])::BIGINT AS activity,
           lead(t) OVER (PARTITION BY customer_id ORDER BY snapshot_date) IS DISTINCT FROM t
               AS closes_month
    FROM clicks
), running AS (
    SELECT *, dense_rank() OVER (PARTITION BY customer_id ORDER BY t) AS months_so_far,
           t - max(t) OVER earlier AS since_previous,
           {running}
    FROM measured
    WINDOW earlier AS (PARTITION BY customer_id ORDER BY t
                       RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
SELECT now.customer_id, now.snapshot_date, {own}, now.activity AS activity_sum,
       {statistics},
       (now.months_so_far - coalesce(before_6m.months_so_far, 0))::INTEGER AS months_observed,
       CASE WHEN now.since_previous <= 5 THEN now.since_previous END::INTEGER
           AS months_since_previous,
       strftime(now.snapshot_date, '%Y-%m') AS month
FROM running AS now
{before}
"""


def _sql() -> str:
    """Each day of clicks beside its windows, over the view `delivered_clickstream`."""
    return QUERY.format(
        signals=_listed(f"whole({name}, -1e6, 1e6)::BIGINT AS {name}" for name in SIGNALS),
        names=", ".join(SIGNALS),
        running=_listed(_running(name) for name in MEASURED),
        own=", ".join(f"now.{name}::INTEGER AS {name}" for name in SIGNALS),
        statistics=_listed(
            _statistics(name, months) for name in MEASURED for months in WINDOWS_MONTHS
        ),
        before="\n".join(
            f"ASOF LEFT JOIN running AS before_{months}m"
            f" ON before_{months}m.customer_id = now.customer_id AND before_{months}m.snapshot_date"
            f" < (now.first_of_month - to_months({months - 1}))::DATE"
            for months in WINDOWS_MONTHS
        ),
    )


def _running(name: str) -> str:
    """Sums so far: n of values, x of these, t of their months, and of the products."""
    known = f"({name} IS NOT NULL)::BIGINT"
    terms = {
        "n": known,
        "x": name,
        "xx": f"{name} * {name}",
        "t": f"t * {known}",
        "tt": f"t * t * {known}",
        "tx": f"t * {name}",
    }
    return ", ".join(
        f"coalesce({term}, 0) + coalesce(sum({term}) FILTER (WHERE closes_month) OVER earlier, 0)"
        f"::BIGINT AS {letters}_{name}"
        for letters, term in terms.items()
    )


def _statistics(name: str, months: int) -> str:
    before = f"before_{months}m"
    n, x, xx, t, tt, tx = (
        f"now.{letters}_{name} - coalesce({before}.{letters}_{name}, 0)"
        for letters in ("n", "x", "xx", "t", "tt", "tx")
    )
    return (
        f"mean({n}, {x}) AS {name}_mean_{months}m, "
        f"spread({n}, {x}, {xx}) AS {name}_std_{months}m, "
        f"slope({n}, {x}, {t}, {tt}, {tx}) AS {name}_trend_{months}m"
    )


def _listed(columns: Iterable[str]) -> str:
    return ",\n           ".join(columns)


SQL = _sql()

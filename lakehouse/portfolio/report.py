"""A portfolio on disk: charts as PNG, numbers as CSV and JSON, and one page that needs no other file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from lakehouse.errors import BadInput
from lakehouse.gold.arrears import BOUNDS, BUCKETS
from lakehouse.pages import environment
from lakehouse.portfolio.plots import FEWEST_MOVES, draw
from lakehouse.portfolio.portfolio import Maturity, Portfolio
from lakehouse.portfolio.rolls import RollRow
from lakehouse.portfolio.shares import Share

PAGE, NUMBERS = "index.html", "portfolio.json"
Row = Mapping[str, object]


def write_report(portfolio: Portfolio, folder: Path) -> Path:
    """Write charts, CSV files, portfolio.json and index.html into a folder; return the path of the page."""
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file; name a folder for the report")
    charts = draw(portfolio)
    folder.mkdir(parents=True, exist_ok=True)
    for name, png in charts.items():
        (folder / name).write_bytes(png)
    for name, rows in tables(portfolio).items():
        (folder / f"{name}.csv").write_text(_csv(rows), encoding="utf-8", newline="")
    numbers = json.dumps(portfolio.as_json(), indent=1, allow_nan=False, ensure_ascii=False)
    (folder / NUMBERS).write_text(numbers + "\n", encoding="utf-8")
    (folder / PAGE).write_text(page(portfolio, charts), encoding="utf-8")
    return folder / PAGE


def tables(portfolio: Portfolio) -> dict[str, list[Row]]:
    """The numbers as tables by name; a share that is not known is None."""
    return {
        "vintages": list(_vintages(portfolio)),
        "roll_rates": [
            row for each in portfolio.rolls_by_month for row in _rolls(each.rows, each.month)
        ],
        "roll_matrix": list(_rolls(portfolio.rolls.rows)),
        "maturity": [
            {
                "month": each.month,
                "label_def": each.label_def,
                "loans": each.loans,
                "indeterminate": each.indeterminate,
                **_spread("known", each.known),
            }
            for each in portfolio.maturity
        ],
    }


def page(portfolio: Portfolio, charts: Mapping[str, bytes]) -> str:
    """The report as one HTML page that contains its charts."""
    made = environment("lakehouse.portfolio", charts)
    mobs = sorted({cell.mob for cell in portfolio.cells})
    return made.get_template("portfolio.html").render(
        p=portfolio,
        bounds=BOUNDS,
        buckets=BUCKETS,
        fewest=FEWEST_MOVES,
        mobs=mobs,
        cohorts=sorted({cell.cohort for cell in portfolio.cells}),
        curves={bound: list(_curves(portfolio, bound, mobs)) for bound in BOUNDS},
        incomplete=incomplete(portfolio.maturity),
    )


def incomplete(maturity: Iterable[Maturity]) -> list[Maturity]:
    """The months of application in which some loan has no known label, the newest first."""
    of = [each for each in maturity if each.known.n < each.loans]
    return sorted(of, key=lambda each: each.month, reverse=True)


def _curves(
    portfolio: Portfolio, bound: int, mobs: Sequence[int]
) -> Iterator[tuple[str, int, list[float | None]]]:
    """For each cohort its loans and the share ever bad at each month on book; None where it is not mature."""
    own = {(c.cohort, c.mob): c for c in portfolio.cells if c.dpd_bound == bound}
    for cohort in sorted({cohort for cohort, _ in own}):
        cells = [own.get((cohort, mob)) for mob in mobs]
        loans = max(cell.loans for cell in cells if cell)
        yield (
            cohort,
            loans,
            [c.bad_ever / c.loans if c is not None and c.is_shown else None for c in cells],
        )


def _vintages(portfolio: Portfolio) -> Iterator[Row]:
    for cell in portfolio.cells:
        yield {
            "cohort": cell.cohort,
            "mob": cell.mob,
            "dpd_bound": cell.dpd_bound,
            "loans": cell.loans,
            "unknown": cell.unknown,
            "bad": cell.bad,
            "bad_ever": cell.bad_ever,
            "mature": str(cell.mature).lower(),
            "bad_share": cell.bad / cell.loans if cell.is_shown else None,
            "bad_ever_share": cell.bad_ever / cell.loans if cell.is_shown else None,
        }


def _rolls(rows: Iterable[RollRow], month: str | None = None) -> Iterator[Row]:
    """A row per pair of buckets."""
    for row in rows:
        for bucket, share in zip(BUCKETS, row.to, strict=True):
            yield {
                **({"month": month} if month else {}),
                "bucket_from": row.bucket,
                "bucket_to": bucket,
                "loans_from": row.loans,
                "loans": share.n,
                **_spread("share", share),
            }


def _spread(name: str, share: Share) -> Row:
    return {name: share.value, f"{name}_low": share.low, f"{name}_high": share.high}


def _csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()

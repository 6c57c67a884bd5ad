"""The fates of the rows of each file, read back from what was written, and why a file is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lakehouse.errors import LakehouseError
from lakehouse.landing.counts import Counts
from lakehouse.landing.decimals import DECLARE, are_surely_commas
from lakehouse.landing.rows import Rows, parquet
from lakehouse.landing.working_copies import SplitFile
from lakehouse.storage.duck import literal

ByMonth = dict[str | None, Counts]
# The reason of a number with a comma, with that.
_NO_NUMBER = r" is not a (?:whole )?number: '([-+0-9., _]*,[-+0-9., _eE]*)'$"


def counts_by_file(rows: Rows) -> dict[str, ByMonth]:
    """The fates of the rows of each file within it, by month."""
    found = rows.duckdb.execute(
        f"""
        SELECT _source_file, month, count(*) FILTER (fate = 'good') AS good,
               count(*) FILTER (fate = 'quarantined'), count(*) FILTER (fate = 'equal') AS equal,
               count(*) FILTER (fate = 'contradicts') AS contradicts
        FROM (SELECT _source_file, month, 'good' AS fate FROM {parquet(rows.candidates)}
              UNION ALL
              SELECT _source_file, month, 'quarantined' FROM {parquet(rows.quarantined)}
              UNION ALL
              SELECT _source_file, month,
                     CASE WHEN contradicts IS NULL THEN 'equal' ELSE 'contradicts' END FROM repeated)
        GROUP BY _source_file, month ORDER BY _source_file, month NULLS LAST
        """
    ).fetchall()
    counts: dict[str, ByMonth] = {each.name: {} for each in rows.files}
    for name, month, good, quarantined, equal, contradicts in found:
        accepted = good - equal - contradicts
        counts[name][month] = Counts(accepted + quarantined + equal, accepted, quarantined, equal)
    return counts


def refusals(rows: Rows, counts: Mapping[str, ByMonth], max_bad: float) -> dict[int, str]:
    """Why files are refused, by their number: they break off, or have too many bad rows."""
    cut_off = dict(_why_cut_off(rows))
    good_before = {each.name: each.before.rows - 1 if each.before else 0 for each in rows.files}
    totals = {name: sum(found.values(), Counts()) for name, found in counts.items()}
    shares = {
        name: total.quarantined / (total.rows_in + good_before[name])
        for name, total in totals.items()
        if total.quarantined > max_bad * (total.rows_in + good_before[name])
    }
    reasons = _most_frequent_reasons(rows) if shares else {}
    with_commas = _with_decimal_commas(rows) if shares else set()
    refused = {}
    for each in rows.files:
        if each.name in cut_off:
            refused[each.number] = (
                f"{each.name} breaks off: its last line has no line end and {cut_off[each.name]}; nothing"
                " was taken of it, because the rows behind it are missing. Deliver the whole file."
            )
        elif each.name in shares:
            total = totals[each.name]
            refused[each.number] = (
                f"{each.name}: {total.quarantined:,} of {total.rows_in + good_before[each.name]:,} rows are"
                f" bad ({shares[each.name]:.1%}, allowed {max_bad:.0%}): {reasons[each.name]}; "
                + (f"for decimal commas {DECLARE}, or " if each.name in with_commas else "")
                + "deliver the file again, or allow more with --max-bad."
            )
    return refused


def check_nothing_is_lost(file: SplitFile, counts: ByMonth) -> None:
    """LakehouseError if rows came in that have no fate."""
    total = sum(counts.values(), Counts())
    if file.split.rows_in != total.rows_in:
        raise LakehouseError(
            f"{file.name}: {file.split.rows_in:,} rows came in, but {total.accepted:,} were accepted,"
            f" {total.quarantined:,} quarantined and {total.equal_duplicates:,} equal; none of them"
            f" was kept. This is a fault of the lakehouse: please report it."
        )


def _most_frequent_reasons(rows: Rows) -> dict[str, str]:
    """By file, the three most frequent reasons, as `reason (n rows, first on line m)`."""
    found = rows.duckdb.execute(
        f"""
        SELECT _source_file,
               regexp_replace(split_part(reason, ': ', 1), 'row [0-9]+', 'another row') AS kind,
               count(*) AS n, min(_source_line) AS line
        FROM (SELECT _source_file, unnest(reasons) AS reason, _source_line
              FROM {parquet(rows.quarantined)})
        GROUP BY _source_file, kind
        QUALIFY row_number() OVER (PARTITION BY _source_file ORDER BY n DESC, line, kind) <= 3
        ORDER BY n DESC, line, kind
        """
    ).fetchall()
    told: dict[str, list[str]] = {}
    for name, kind, n, line in found:
        rows_told = f"{n:,} {'row' if n == 1 else 'rows'}"
        told.setdefault(name, []).append(f"{kind} ({rows_told}, first on line {line})")
    return {name: "; ".join(kinds) for name, kinds in told.items()}


def _with_decimal_commas(rows: Rows) -> set[str]:
    """The files with rows that are bad because a number has a decimal comma."""
    if rows.source.decimal == ",":
        return set()
    found = rows.duckdb.execute(
        f"""
        SELECT _source_file, list(DISTINCT regexp_replace(number, '[0-9]', '9', 'g'))
        FROM (SELECT _source_file, regexp_extract(unnest(reasons),
                     {literal(_NO_NUMBER)}, 1) AS number FROM {parquet(rows.quarantined)})
        WHERE number <> '' GROUP BY _source_file
        """
    ).fetchall()
    return {name for name, masked in found if are_surely_commas(masked)}


def _why_cut_off(rows: Rows) -> Iterator[tuple[str, str]]:
    """Each file whose last row is not whole, and why; its last cell may be cut too."""
    last = {
        (each.name, each.split.rows): each.split.header[-1]
        for each in rows.files
        if not each.split.ends_a_line
    }
    if not last:
        return
    found = rows.duckdb.execute(
        f"""
        SELECT _source_file, _source_row, unnest(reasons) FROM {parquet(rows.quarantined)}
        SEMI JOIN (SELECT unnest(?) AS _source_file, unnest(?) AS _source_row)
        USING (_source_file, _source_row)
        """,
        [[name for name, _ in last], [row for _, row in last]],
    ).fetchall()
    for name, row, reason in found:
        is_short = reason.startswith("too few columns") or reason == "a quote that is not closed"
        if is_short or reason.startswith(f"{last[name, row]} is "):
            yield name, reason.split(": ")[0].replace("too few", "has too few")

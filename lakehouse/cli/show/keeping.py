"""Answers of upkeep for people: joined files, deleted files, an erased person, the hand-in zip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from lakehouse.cli.show.tables import rows
from lakehouse.cli.show.terminal import note, say

if TYPE_CHECKING:
    from lakehouse.exports.package import Package
    from lakehouse.upkeep.erase import Erased
    from lakehouse.upkeep.optimize import Optimized
    from lakehouse.upkeep.vacuum import TableSpace, Vacuumed

# The number of training sets that a line names; the others are only counted.
_NAMED = 3


def optimized(done: Optimized) -> None:
    """Print one row per table that was compacted, and the new release."""
    if not done.tables:
        say("Nothing to compact: no partition has several files.")
        return
    rows("Compacted", [asdict(table) for table in done.tables])
    if done.published:
        say(f"No row changed. Release {done.published} published.")
    else:
        say("No row changed, no release published.")


def vacuumed(done: Vacuumed) -> None:
    """Print one row per table: deleted files, kept versions and what needs them; then the totals."""
    title = "Would be deleted" if done.dry_run else "Deleted"
    rows(title, [_space(table) for table in done.tables])
    files, size = (sum(getattr(t, name) for t in done.tables) for name in ("files", "bytes"))
    say(
        f"{_releases(done.given_up)} {'would be ' if done.dry_run else ''}given up, "
        f"{_releases(done.kept).lower()} kept. {files:,} files of {size / 1e6:.1f} MB"
        + (f" and {done.spines} spines" if done.spines else "")
        + (" would be deleted." if done.dry_run else " deleted.")
    )


def _space(table: TableSpace) -> dict[str, object]:
    sets = table.training_sets
    more = [f"{len(sets) - _NAMED} more training sets"] if len(sets) > _NAMED else []
    released = [_releases(table.releases).lower()] if table.releases else []
    return {
        "table": table.table,
        "files": table.files,
        "MB": table.bytes / 1e6,
        "versions kept": _spans(table.versions),
        "for": ", ".join([*released, *sets[:_NAMED], *more]) or "now",
    }


def _releases(numbers: Sequence[int]) -> str:
    return f"Release{'s' * (len(numbers) != 1)} {_spans(numbers)}" if numbers else "No release"


def _spans(numbers: Sequence[int]) -> str:
    """Ascending numbers in few words: `1, 3 to 7`."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    return ", ".join(f"{s[0]}" if len(s) == 1 else f"{s[0]} to {s[-1]}" for s in spans)


def erased(done: Erased) -> None:
    """Print the person's rows by table, the number of rewritten files, and where the person still is."""
    gone = [{"table": name, "rows": n} for name, n in done.row_counts.items()]
    rows("Erased" if done.erasure_id else "Would be erased", gone)
    say(
        f"{done.files:,} files of all versions {'were' if done.erasure_id else 'would be'} rewritten; "
        f"{len(done.training_sets)} training sets can no longer be built again exactly"
        + (f"; receipt {done.erasure_id}" if done.erasure_id else "")
    )
    for text in done.notes:
        note(text)


def package(made: Package) -> None:
    """Print the name and content of the zip that was written."""
    say(
        f"{made.file}: {made.files} files, {made.bytes / 1e6:.1f} MB; Readme.txt names {made.repository}"
    )

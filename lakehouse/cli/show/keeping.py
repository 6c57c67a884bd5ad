"""Answers of upkeep for people: joined files, deleted files, an erased person, a backup, the hand-in zip."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from lakehouse.cli.program import PLACES, is_given
from lakehouse.cli.show.tables import rows
from lakehouse.cli.show.terminal import next_step, note, say
from lakehouse.words import spans

if TYPE_CHECKING:
    from lakehouse.exports.package import Package
    from lakehouse.upkeep.backup import BackedUp
    from lakehouse.upkeep.erase import Erased
    from lakehouse.upkeep.optimize import Optimized
    from lakehouse.upkeep.restore import Restored
    from lakehouse.upkeep.vacuum import TableSpace, Vacuumed

# The number of training sets that a line names; the others are only counted.
_NAMED = 3


def optimized(done: Optimized) -> None:
    """Print one row per table that was compacted, and the new release."""
    for text in done.notes:
        note(text)
    if not done.tables:
        say("Nothing to compact: no partition has several files.")
        return
    rows("Compacted", [asdict(table) for table in done.tables])
    if done.published:
        say(f"No row changed. Release {done.published} published.")
        next_step("See what space the small files still take", "vacuum --dry-run")
    else:
        say("No row changed, no release published.")


def vacuumed(done: Vacuumed) -> None:
    """Print one row per table: deleted files, kept versions and what needs them; then the totals."""
    for text in done.notes:
        note(text)
    title = "Would be deleted" if done.dry_run else "Deleted"
    rows(title, [_space(table) for table in done.tables], less=("MB",))
    files, size = (sum(getattr(t, name) for t in done.tables) for name in ("files", "bytes"))
    say(
        f"{_releases(done.given_up)} {'would be ' if done.dry_run else ''}given up, "
        f"{_releases(done.kept).lower()} kept. {files:,} files of {size / 1e6:.1f} MB"
        + (f" and {done.spines} spines" if done.spines else "")
        + (" would be deleted." if done.dry_run else " deleted.")
    )
    if is_given("dry_run") and files:
        next_step("Do it", f"vacuum --keep-releases {len(done.kept)}")


def _space(table: TableSpace) -> dict[str, object]:
    sets = table.training_sets
    more = [f"{len(sets) - _NAMED} more training sets"] if len(sets) > _NAMED else []
    released = [_releases(table.releases).lower()] if table.releases else []
    return {
        "table": table.table,
        "files": table.files,
        "MB": table.bytes / 1e6,
        "versions kept": spans(table.versions),
        "for": ", ".join([*released, *sets[:_NAMED], *more]) or "now",
    }


def _releases(numbers: Sequence[int]) -> str:
    return f"Release{'s' * (len(numbers) != 1)} {spans(numbers)}" if numbers else "No release"


def erased(done: Erased) -> None:
    """Print the person's rows by table, the number of rewritten files, and where the person still is."""
    gone = [{"table": name, "rows": n} for name, n in done.row_counts.items()]
    rows("Erased" if done.erasure_id else "Would be erased", gone)
    count = len(done.training_sets)
    say(
        f"{done.files:,} files of all versions {'were' if done.erasure_id else 'would be'} rewritten; "
        f"{count} training set{'' if count == 1 else 's'} can no longer be built again exactly"
        + (f"; receipt {done.erasure_id}" if done.erasure_id else "")
    )
    for text in done.notes:
        note(text)
    if done.erasure_id:
        next_step("See whether every table is whole", "doctor --deep")
    elif is_given("dry_run"):
        next_step("Do it", "erase", (*PLACES, "customer", "exact"))


def backed_up(done: BackedUp) -> None:
    """Print the content of a backup, and what changed in it."""
    say(
        f"{done.to} holds release {done.release} and all that are kept: {done.files:,} files of "
        f"{done.bytes / 1e6:.1f} MB; {done.copied:,} of {done.copied_bytes / 1e6:.1f} MB were copied, "
        f"{done.deleted:,} deleted."
    )
    next_step(
        "See whether it can be restored", f"restore --from {shlex.quote(str(done.to))} --dry-run"
    )
    for text in done.notes:
        note(text)


def restored(done: Restored) -> None:
    """Print what was restored, and where the tables are that were replaced."""
    does = "The backup is whole and would restore" if done.dry_run else "Restored"
    made_at = done.made_at[:16].replace("T", " ")
    say(
        f"{does} release {done.release}, backed up {made_at} UTC: {done.files:,} files of "
        f"{done.bytes / 1e6:.1f} MB."
    )
    if done.set_aside:
        say(f"What was there is in {done.set_aside}; delete it when you no longer need it.")
    for text in done.notes:
        note(text)
    if is_given("dry_run"):
        next_step("Do it", "restore", (*PLACES, "source", "table"))
    elif not done.notes:
        next_step("Take in what was delivered since", "run")


def package(made: Package) -> None:
    """Print the name and content of the zip that was written."""
    say(
        f"{made.file}: {made.files} files, {made.bytes / 1e6:.1f} MB; Readme.txt names {made.repository}"
    )

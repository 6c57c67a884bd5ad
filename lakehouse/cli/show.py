"""What the command line prints: tables for people, JSON for programs, progress on stderr."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from lakehouse.months import spell

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console
    from rich.status import Status

    from lakehouse.audit.finding import Check
    from lakehouse.exports.package import Package
    from lakehouse.model.assessment import Assessment
    from lakehouse.model.metrics import Estimate
    from lakehouse.releases.diff import TableDiff
    from lakehouse.run.job import Report
    from lakehouse.training.receipts import Receipt
    from lakehouse.upkeep.erase import Erased
    from lakehouse.upkeep.optimize import Optimized
    from lakehouse.upkeep.vacuum import TableSpace, Vacuumed

# Training sets that a line names; the others it counts.
_NAMED = 3
OnProgress = Callable[[str, str, Sequence[str]], None]
# What a terminal obeys or hides: escape sequences, carriage returns, marks that turn text around.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def plain(text: str) -> str:
    """The text with each character that a terminal would obey or hide as its number, as \\u001b."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _say(text: str) -> None:
    """The lines on stdout, as they are but for what a terminal would obey."""
    click.echo(plain(text))


def silent(_table: str, _doing: str, _months: Sequence[str]) -> None:
    """Progress that nobody sees."""


def on_terminal() -> bool:
    """Whether somebody watches stderr."""
    return sys.stderr is not None and sys.stderr.isatty()


def note(text: str) -> None:
    """One line for the user that is no error."""
    _tell(f"note: {text}")


def _tell(text: str) -> None:
    # One that was closed by the shell is None, which `print` takes for stdout.
    if sys.stderr is not None:
        # In one write: several tables tell of themselves at once.
        print(f"{plain(text)}\n", end="", file=sys.stderr)


@contextmanager
def progress(quiet: bool) -> Iterator[OnProgress]:
    """Progress on stderr: a line that moves on a terminal, lines that stay elsewhere."""
    if quiet:
        yield silent
    elif on_terminal():
        # Where nobody watches, a run with nothing to do does without the import of rich.
        from rich.console import Console

        with Console(stderr=True, highlight=False, emoji=False).status("starting") as status:
            yield _moving(status)
    else:
        yield _staying


def _staying(table: str, doing: str, months: Sequence[str]) -> None:
    # Reading changes nothing: who is refused while it goes on finds one line in a log, the error.
    if months:
        _tell(_progress_line(table, doing, months))


def _moving(status: Status) -> OnProgress:
    from rich.text import Text

    began = time.monotonic()

    def update(table: str, doing: str, months: Sequence[str]) -> None:
        seconds = time.monotonic() - began
        line = _progress_line(table, doing, months)
        status.update(Text.assemble(line, (f"  {seconds:.0f} s", "dim")))

    return update


def _progress_line(table: str, doing: str, months: Sequence[str]) -> str:
    return plain(f"{table}: {doing}" + (f" {spell(months)}" if months else ""))


def answer(as_json: bool, value: Any, show: Callable[[], None]) -> None:
    """The answer of a command, as JSON or as `show` prints it."""
    if as_json:
        _say(json.dumps(value, indent=2, default=_as_json, ensure_ascii=False))
    else:
        show()


def _as_json(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)


def rows(title: str, found: Sequence[Mapping[str, Any]]) -> None:
    """Rows as a table; numbers stand right."""
    if not found:
        _say(f"{title}: none")
        return
    from rich import box
    from rich.table import Table

    table = Table(title=plain(title), box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    for name, value in found[0].items():
        table.add_column(name.replace("_", " "), justify="right" if _is_number(value) else "left")
    for row in found:
        table.add_row(*(_cell(value) for value in row.values()))
    _out().print(table)


def package(made: Package) -> None:
    """The zip that was written."""
    _say(
        f"{made.file}: {made.files} files, {made.bytes / 1e6:.1f} MB; Readme.txt names {made.repository}"
    )


def _out() -> Console:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    # A file or a pipe has no width: give tables the room they need.
    return (
        console
        if console.is_terminal
        else Console(highlight=False, markup=False, emoji=False, width=160)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return plain(str(value)).replace("\n", "\\n")


def plan(steps: Sequence[Mapping[str, Any]]) -> None:
    """What a run would do."""
    pending = [step for step in steps if step["pending"]]
    if not pending:
        _say("Nothing is pending: every table is up to date.")
        return
    rows("Pending", [{"table": step["table"], "why": step["reason"]} for step in pending])


def report(done: Report) -> None:
    """The closing table of a run and one sentence on what it means."""
    for text in done.notes:
        note(text)
    if not done.tables:
        _say(f"Nothing is pending: release {done.release} is up to date ({done.seconds:.2f} s).")
        return
    rows("What this run did", _report_rows(done))
    _say(_closing_sentence(done))


def _report_rows(done: Report) -> list[dict[str, Any]]:
    return [
        {
            "table": each.table,
            "rows in": each.rows.rows_in if each.rows else None,
            "accepted": each.rows.accepted if each.rows else None,
            "quarantined": each.rows.quarantined if each.rows else None,
            "equal duplicates": each.rows.equal_duplicates if each.rows else None,
            "changed": each.changed,
            "version": each.version,
            "seconds": each.seconds,
        }
        for each in done.tables.values()
    ]


def _closing_sentence(done: Report) -> str:
    spent = f"{done.seconds:.1f} s on the {done.engine} engine"
    what = f"{_read(done)}{_changed(done)}"
    if not done.published:
        return f"{what} Release {done.release} stays the newest ({spent})."
    made = done.published
    which = f"Release {made[0]}" if len(made) == 1 else f"Releases {made[0]} to {made[-1]}"
    return f"{what} {which} published ({spent})."


def _read(done: Report) -> str:
    counts = [each.rows for each in done.tables.values() if each.rows]
    if not counts:
        return ""
    return (
        f"{sum(each.rows_in for each in counts):,} raw rows read: "
        f"{sum(each.accepted for each in counts):,} accepted, "
        f"{sum(each.quarantined for each in counts):,} quarantined, "
        f"{sum(each.equal_duplicates for each in counts):,} equal duplicates. "
    )


def _changed(done: Report) -> str:
    changed = [each.changed for each in done.tables.values() if each.changed]
    if not changed:
        return "No row changed."
    return f"{sum(changed):,} rows changed in {len(changed)} tables."


def report_as_json(done: Report) -> dict[str, Any]:
    """The report as plain values."""
    return {**asdict(done), "tables": _report_rows(done)}


def optimized(done: Optimized) -> None:
    """A row a table that was compacted, and the release of it."""
    if not done.tables:
        _say("Nothing to compact: no partition has several files.")
        return
    rows("Compacted", [asdict(each) for each in done.tables])
    if done.published:
        _say(f"No row changed. Release {done.published} published.")
    else:
        _say("No row changed, no release published.")


def vacuumed(done: Vacuumed) -> None:
    """A row a table: what goes, which versions stay and who holds them; then what it comes to."""
    rows(
        "What would go" if done.dry_run else "What is gone", [_space(each) for each in done.tables]
    )
    files, size = (sum(getattr(each, what) for each in done.tables) for what in ("files", "bytes"))
    _say(
        f"{_releases(done.given_up)} {'would be ' if done.dry_run else ''}given up, "
        f"{_releases(done.kept).lower()} kept. {files:,} files of {size / 1e6:.1f} MB"
        + (f" and {done.spines} spines" if done.spines else "")
        + (" would go." if done.dry_run else " are gone.")
    )


def _space(each: TableSpace) -> dict[str, Any]:
    sets = each.training_sets
    more = [f"{len(sets) - _NAMED} more training sets"] if len(sets) > _NAMED else []
    released = [_releases(each.releases).lower()] if each.releases else []
    return {
        "table": each.table,
        "files": each.files,
        "MB": each.bytes / 1e6,
        "versions kept": _spans(each.versions),
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


def releases(found: Sequence[Mapping[str, Any]]) -> None:
    """Releases, the newest last, without their maps; those that vacuum gave up say so."""
    given_up = any(each.get("given_up_at") for each in found)
    rows(
        "Releases",
        [
            {
                "release": each["release"],
                "finished": each["finished_at"],
                "data through": each["through"],
                "months changed": spell(each["months"]),
                "rows in gold": sum(
                    n for t, n in each["row_counts"].items() if t.startswith("gold.")
                ),
                "engine": each["engine"],
                "code": each["code_fingerprint"],
                **({"given up on": _day(each.get("given_up_at"))} if given_up else {}),
            }
            for each in found
        ],
    )


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else ""


def diff(title: str, found: Sequence[TableDiff]) -> None:
    """Counts a table; then the rows that were asked for, a line a changed cell."""
    from lakehouse.releases.diff import lines

    rows(title, [each.counts for each in found])
    for each in found:
        if each.rows:
            rows(each.table, [_cell_line(line) for line in lines(each)])
            if each.more:
                _say(f"… and {each.more:,} more rows of {each.table}")


def _cell_line(line: Mapping[str, Any]) -> dict[str, Any]:
    """The line with its values as they are: rounded, two that differ could look alike."""
    values = {name: _exact(line[name]) if line["column"] else "" for name in ("old", "new")}
    return {name: value for name, value in {**line, **values}.items() if name != "table"}


def _exact(value: Any) -> str:
    return "NULL" if value is None else str(value)


def training_set(made: Receipt, out: Path | None, again: bool) -> None:
    """One training set: its id first, where it is, and which loans are not in it."""
    left = [f"{n:,} {reason.replace('_', ' ')}" for reason, n in made.left_out.items() if n]
    columns = sum(len(group.features) for group in made.selection.groups)
    _say(made.training_set_id)
    _say(
        f"{made.row_count:,} rows, {columns} features, as known at release {made.release}"
        + (f"; left out: {', '.join(left)}" if left else "")
        + (f"; written to {out}" if out else "")
        + ("; the same content as on " + f"{made.created_at:%Y-%m-%d %H:%M} UTC" if again else "")
    )


def training_sets(found: Sequence[Receipt]) -> None:
    """Receipts, the newest last."""
    rows(
        "Training sets",
        [
            {
                "training set": each.training_set_id,
                "built": each.created_at,
                "release": each.release,
                "rows": each.row_count,
                "features": sum(len(group.features) for group in each.selection.groups),
                "label": each.selection.label.name if each.selection.label else "own spine",
                "content": each.content_hash[:12],
                "engine": each.engine,
                "a person erased": each.erased_at,
            }
            for each in found
        ],
    )


def erased(done: Erased) -> None:
    """Rows of a person by table, what was written anew, and where the person still is."""
    gone = [{"table": name, "rows": n} for name, n in done.row_counts.items()]
    rows("Erased" if done.erasure_id else "Would be erased", gone)
    _say(
        f"{done.files:,} files of all versions {'were' if done.erasure_id else 'would be'} written "
        f"anew; {len(done.training_sets)} training sets can no longer be built again exactly"
        + (f"; receipt {done.erasure_id}" if done.erasure_id else "")
    )
    for text in done.notes:
        note(text)


def audit(checks: Sequence[Check]) -> None:
    """A row a check, then what was found, a line each."""
    rows(
        "Leakage audit",
        [
            {
                "check": each.name,
                "result": "passed" if each.passed else f"{len(each.findings)} LEAKS",
                "looked at": each.looked_at,
                "seconds": each.seconds,
            }
            for each in checks
        ],
    )
    for check in checks:
        for finding in check.findings:
            _say(f"{check.name}: {finding.subject}: {finding.evidence}")
    leaking = sum(not check.passed for check in checks)
    if leaking:
        _say(f"{leaking} of {len(checks)} checks found a leak.")
    else:
        _say(f"Nothing leaks: {len(checks)} checks passed.")


def model(assessment: Assessment, out: Path) -> None:
    """The verdict, then the models beside the baselines, out of time."""
    rows(
        f"Out of time, {spell(assessment.parts[-1].months)}",
        [
            {
                "model": each.title,
                "AUC": _with_interval(each.test.auc),
                "Gini": _with_interval(each.test.gini),
                "KS": _with_interval(each.test.ks),
                "PR-AUC": _with_interval(each.test.pr_auc),
                "Brier": _with_interval(each.test.brier),
            }
            for each in assessment.scored
        ],
    )
    _say(assessment.verdict.headline)
    for reason in assessment.verdict.reasons:
        _say(f"- {reason}")
    _say(f"Report: {out / 'index.html'}")


def _with_interval(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"

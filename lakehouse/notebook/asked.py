"""A `%sql` line or `%%sql` cell, read: its options, the name for the answer, and the query."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field

from lakehouse.errors import BadInput
from lakehouse.lake import Lakehouse
from lakehouse.nearest import meant

ROWS = 10_000
USAGE = "%%sql [--release N | --month YYYY-MM | --timestamp T] [--limit N] [--lake NAME] [name <<]"
# As `lake.at` calls them.
_TIMES = tuple(inspect.signature(Lakehouse.at).parameters)[1:]
_OPTIONS = (*_TIMES, "limit", "lake")
_OPTION = re.compile(r"\s*--(\w+)(?:[ =]+('[^']*'|\"[^\"]*\"|(?!--)\S+))?")
_NAME = re.compile(r"\s*([A-Za-z_]\w*)\s*<<")


@dataclass(frozen=True)
class Asked:
    """A query, its release or time by the name of the option, the name of its answer, and the most rows."""

    query: str
    at: dict[str, str] = field(default_factory=dict)
    name: str | None = None
    lake: str | None = None
    limit: int = ROWS


def read(line: str, cell: str | None = None) -> Asked:
    """The question of a line, or of a cell and its first line; BadInput for an option that is unknown."""
    given, rest = _options(line)
    found = _NAME.match(rest)
    rest = rest[found.end() :] if found else rest
    # The words behind the options are the first line of the query.
    query = f"{rest}\n{cell or ''}" if rest.strip() else cell or ""
    if not query.strip():
        raise BadInput(f"there is no query; write {USAGE}, and the query below it")
    limit = given.pop("limit", str(ROWS))
    if not limit.isdigit() or limit == "0":
        raise BadInput(f"--limit takes a number of rows, and {limit!r} is none")
    lake = given.pop("lake", None)
    if len(given) > 1:
        raise BadInput(f"take one of --{' and --'.join(given)}")
    return Asked(query, given, found[1] if found else None, lake, int(limit))


def _options(line: str) -> tuple[dict[str, str], str]:
    """The options at the front of a line, and what follows them."""
    given: dict[str, str] = {}
    while found := _OPTION.match(line):
        name, value = found[1], (found[2] or "").strip("'\"")
        if name not in _OPTIONS:
            near = meant(name, _OPTIONS)
            hint = f"is it --{near.replace(' or ', ' or --')}?" if near else f"write {USAGE}"
            raise BadInput(f"no option --{name}; {hint}")
        if not value:
            raise BadInput(f"--{name} takes a value; write {USAGE}")
        given[name] = value
        line = line[found.end() :]
    return given, line

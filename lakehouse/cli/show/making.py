"""The files that a scaffold has written, and what to do with them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.cli.show.tables import rows
from lakehouse.cli.show.terminal import next_step, say
from lakehouse.words import counted

if TYPE_CHECKING:
    from lakehouse.scaffold.new_table import NewTable
    from lakehouse.scaffold.proposal import Proposal


def new_bank(folder: Path, files: Sequence[Path]) -> None:
    """Print the files of a new bank and how to build and test it."""
    rows("New bank", [{"file": str(file)} for file in files])
    tables, data = (shlex.quote(str(each)) for each in (folder, folder / "data"))
    mart = shlex.quote(f"{folder}_mart")
    next_step("Build it", f"run --tables {tables} --data {data} --datamart {mart}")
    say(f"Run its own tests: python -m pytest {tables}/tests")
    next_step("Add a file of your own", f"new source FILE.csv --tables {tables}")


def proposal(new: Proposal) -> None:
    """Print the columns of a proposed source with why, and how its file is written."""
    lines = [
        {"column": each.column, "is": each.role, "type": each.type, "why": each.why}
        for each in new.columns
    ]
    rows(f"Proposal for {new.source}", lines)
    written = [f"parted by {new.delimiter!r}", new.encoding or "UTF-8"]
    if new.date_order:
        written.append(f"dates {new.date_order}")
    if new.decimal == ",":
        written.append("decimal comma")
    say(
        f"{new.file}: {counted(new.rows, 'row')}, {', '.join(written)}. Key: {', '.join(new.keys)}."
    )
    for note in new.notes:
        say(note)


def new_source(new: Proposal, files: Sequence[Path], file: Path, folder: Path) -> None:
    """Print the modules of a new source, and how to take its file and to test it."""
    if not files:
        say("Nothing was written.")
        return
    for written in files:
        say(f"Wrote {_from_here(written)}")
    say(
        "Bounds are left open, meanings are only names, and no column is an outcome: write what you know."
    )
    data = shlex.quote(str(file.parent))
    next_step("Take the file", f"run --data {data} --datamart DIR", ("tables",))
    say(
        f"Run its test: python -m pytest {shlex.quote(str(_from_here(folder)))}/tests/test_{new.source}.py"
    )


def new_feature(name: str, first: str, files: Sequence[Path]) -> None:
    """Print the files of a new feature, and what is left to be written."""
    for written in files:
        say(f"Wrote {_from_here(written)}")
    say(f"{name} is {first} as it is: write its formula, and what its test expects.")
    say(f"Run its test: python -m pytest {shlex.quote(str(_from_here(files[0])))}")


def new_table(new: NewTable) -> None:
    """Print the files of a new table, and the columns that are not in it."""
    for written in new.files:
        say(f"Wrote {_from_here(written)}")
    for why in new.left_out:
        say(f"Left out: {why}")
    test = _from_here(new.files[1])
    say(f"Run its test: python -m pytest {shlex.quote(str(test))}")


def _from_here(path: Path) -> Path:
    """The path as it is shorter, from the current folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path

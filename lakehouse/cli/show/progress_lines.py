"""Progress on stderr: a line that moves on a terminal, lines that stay elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakehouse.cli.show.terminal import on_terminal, plain, tell
from lakehouse.months import spell
from lakehouse.progress import Progress, silent

if TYPE_CHECKING:
    from rich.status import Status


@contextmanager
def progress(quiet: bool) -> Iterator[Progress]:
    """Show progress on stderr: a line that moves on a terminal, lines that stay elsewhere."""
    if quiet:
        yield silent
    elif on_terminal():
        # Imported here, because a run that nobody watches does not need rich.
        from rich.console import Console

        with Console(stderr=True, highlight=False, emoji=False).status("starting") as status:
            yield moving(status)
    else:
        yield staying


def staying(subject: str, doing: str, months: Sequence[str] = (), /) -> None:
    """Print a line if there are months."""
    # Reading has no months and prints nothing, so a run with bad input leaves one line in a log, the error.
    if months:
        tell(_line(subject, doing, months))


def moving(status: Status) -> Progress:
    """Progress that rewrites the line of `status` and counts the seconds from now on."""
    from rich.text import Text

    began = time.monotonic()

    def update(subject: str, doing: str, months: Sequence[str] = (), /) -> None:
        seconds = time.monotonic() - began
        status.update(Text.assemble(_line(subject, doing, months), (f"  {seconds:.0f} s", "dim")))

    return update


def _line(subject: str, doing: str, months: Sequence[str]) -> str:
    return plain(f"{subject}: {doing}" + (f" {spell(months)}" if months else ""))

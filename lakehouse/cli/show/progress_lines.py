"""Progress on stderr: a bar that moves on a terminal, lines that stay elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from lakehouse.cli.show.terminal import in_color, on_terminal, plain, tell
from lakehouse.months import spell
from lakehouse.progress import Done

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress as Bar


class Shown(Protocol):
    """Shows progress: what is done now, and how much of the whole is done."""

    def __call__(
        self, subject: str, doing: str, months: Sequence[str] = (), done: Done | None = None, /
    ) -> None: ...

    def done(self, done: Done, /) -> None: ...


@contextmanager
def progress(quiet: bool) -> Iterator[Shown]:
    """Show progress on stderr: a bar that moves on a terminal, lines that stay elsewhere."""
    if quiet:
        yield Silent()
    elif on_terminal():
        # Imported here, because a run that nobody watches does not need rich.
        import sys

        from rich.console import Console

        with a_bar(
            Console(
                stderr=True, highlight=False, emoji=False, markup=False,
                no_color=not in_color(sys.stderr),
            )
        ) as bar:  # fmt: skip
            yield Moving(bar)
    else:
        yield Staying()


class Silent:
    """Shows nothing."""

    def __call__(
        self, subject: str, doing: str, months: Sequence[str] = (), done: Done | None = None, /
    ) -> None:
        pass

    def done(self, done: Done, /) -> None:
        pass


class Staying(Silent):
    """Prints a line where there are months."""

    def __call__(
        self, subject: str, doing: str, months: Sequence[str] = (), done: Done | None = None, /
    ) -> None:
        # Reading has no months and prints nothing: a run with bad input leaves one line in a log, the error.
        if months:
            tell(_line(subject, doing, months))


class Moving(Silent):
    """Draws a bar; it moves in long steps too, because a thread draws it ten times a second."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task = bar.add_task("starting", total=None, counts="")

    def __call__(
        self, subject: str, doing: str, months: Sequence[str] = (), done: Done | None = None, /
    ) -> None:
        self._bar.update(self._task, description=_line(subject, doing, months))
        if done:
            self.done(done)

    def done(self, done: Done, /) -> None:
        counts = f"{done.steps}/{done.of_steps} steps"
        if done.of_months > 1:
            counts += f", {done.months}/{done.of_months} table months"
        self._bar.update(self._task, completed=done.steps, total=done.of_steps, counts=counts)


def a_bar(console: Console) -> Bar:
    """A bar: what is done of all, the time since the begin, the time that remains; below it the work at hand.

    The work has lines of its own: beside the bar 80 columns would cut the names of tables and months.
    """
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class AboveItsWork(Progress):
        def get_renderables(self) -> Iterator[RenderableType]:
            yield from super().get_renderables()
            for task in self.tasks:
                yield Text(task.description)

    return AboveItsWork(
        BarColumn(bar_width=12),
        TextColumn("{task.fields[counts]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


def _line(subject: str, doing: str, months: Sequence[str]) -> str:
    return plain(f"{subject}: {doing}" + (f" {spell(months)}" if months else ""))

"""Lines for a terminal: answers on stdout, notes on stderr, without characters that control a terminal."""

from __future__ import annotations

import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Collection
from typing import TextIO

import click

from lakehouse.cli.program import PLACES, as_called, same_place

# Characters that control a terminal or are invisible: escapes, carriage returns, marks that turn text around.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def plain(text: str) -> str:
    """The text with each control or invisible character written as its number, like \\u001b."""
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def columns(stream: TextIO | None = None) -> int | None:
    """The width of the terminal behind stdout or another stream; None for a file or a pipe."""
    return shutil.get_terminal_size().columns if (stream or sys.stdout).isatty() else None


def in_color(stream: TextIO | None = None) -> bool:
    """Whether a stream shows colours: a terminal does, unless NO_COLOR is set."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted and (stream or sys.stdout).isatty()


def text_width(text: str) -> int:
    """The number of places that a text takes on a terminal; some letters take two or none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF")
        for letter in text
    )


def wrapped(text: str, width: int | None, indent: str = "") -> list[str]:
    """The text in lines of at most `width` places, broken between words; lines after the first are indented.

    A longer word, as a path, stays whole on a line of its own. Without a width the text is one line.
    """
    if width is None or text_width(text) <= width:
        return [text]
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}" if line.strip() else f"{line}{word}"
        if line.strip() and text_width(longer) > width:
            lines.append(line)
            longer = f"{indent}{word}"
        line = longer
    return [*lines, line]


def say(text: str, fg: str | None = None) -> None:
    """Print lines on stdout, with `plain` applied; on a terminal they are broken between words."""
    width = columns()
    for line in as_called(text).split("\n"):
        for part in wrapped(plain(line), width):
            write(click.style(part, fg=fg) if fg else part)


def next_step(why: str, words: str, same: Collection[str] = PLACES) -> None:
    """Say what to do next: a command with the `same` options, whole so that it can be copied."""
    command = same_place(words, same)
    width = columns()
    if width is None or text_width(f"{why}: {command}") <= width:
        say(f"{why}: {command}")
    else:
        say(f"{why}:")
        write(f"  {plain(command)}")


def write(line: str) -> None:
    """Print one line on stdout as it is, without its colours where none are wanted."""
    click.echo(line, color=None if in_color() else False)


def note(text: str) -> None:
    """Print one line for the user that is not an error."""
    tell(f"note: {text}", "yellow")


def error(text: str) -> None:
    """Print the one line of an error."""
    tell(f"error: {text}", "red")


def tell(text: str, fg: str | None = None) -> None:
    """Print one line on stderr, broken between words on a terminal; its first word may have a colour."""
    # A stream that the shell closed is None, which `print` would take for stdout.
    if sys.stderr is None:
        return
    shown = "\n".join(wrapped(plain(as_called(text)), columns(sys.stderr), indent="  "))
    if fg and in_color(sys.stderr):
        first, space, rest = shown.partition(" ")
        shown = f"{click.style(first, fg=fg)}{space}{rest}"
    # In one write, because several threads print at once.
    print(f"{shown}\n", end="", file=sys.stderr)


def on_terminal() -> bool:
    """Whether somebody watches stderr."""
    return sys.stderr is not None and sys.stderr.isatty()

"""Lines for a terminal: answers on stdout, notes on stderr, without characters that control a terminal."""

from __future__ import annotations

import re
import sys

import click

# Characters that control a terminal or are invisible: escapes, carriage returns, marks that turn text around.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def plain(text: str) -> str:
    """The text with each control or invisible character written as its number, like \\u001b."""
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def say(text: str) -> None:
    """Print lines on stdout, with `plain` applied."""
    click.echo(plain(text))


def note(text: str) -> None:
    """Print one line for the user that is not an error."""
    tell(f"note: {text}")


def tell(text: str) -> None:
    """Print one line on stderr."""
    # A stream that the shell closed is None, which `print` would take for stdout.
    if sys.stderr is not None:
        # In one write, because several threads print at once.
        print(f"{plain(text)}\n", end="", file=sys.stderr)


def on_terminal() -> bool:
    """Whether somebody watches stderr."""
    return sys.stderr is not None and sys.stderr.isatty()

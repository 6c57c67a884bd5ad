"""Lines for a reader at a terminal: answers on stdout, notes on stderr, nothing that a terminal obeys."""

from __future__ import annotations

import re
import sys

import click

# A terminal obeys or hides these: escape sequences, carriage returns, marks that turn text around.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def plain(text: str) -> str:
    """The text with each character that a terminal would obey or hide as its number, as \\u001b."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def say(text: str) -> None:
    """Print lines on stdout, as they are but for what a terminal would obey."""
    click.echo(plain(text))


def note(text: str) -> None:
    """Print one line for the user that is not an error."""
    tell(f"note: {text}")


def tell(text: str) -> None:
    """Print one line on stderr."""
    # One that was closed by the shell is None, which `print` takes for stdout.
    if sys.stderr is not None:
        # In one write: several tables tell of themselves at once.
        print(f"{plain(text)}\n", end="", file=sys.stderr)


def on_terminal() -> bool:
    """Whether somebody watches stderr."""
    return sys.stderr is not None and sys.stderr.isatty()

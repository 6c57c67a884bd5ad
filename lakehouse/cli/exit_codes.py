"""Exit codes: 0 done, 1 failed while running, 2 refused, 128 + n stopped by the signal of number n."""

from __future__ import annotations

import click

from lakehouse.errors import BadInput
from lakehouse.stop import Stopped

DONE = 0
FAILED = 1
REFUSED = 2
_SIGNAL = 128


def exit_code(error: BaseException) -> int:
    """The exit code of a command that ends with this error."""
    if isinstance(error, (BadInput, click.ClickException)):
        return REFUSED
    return _SIGNAL + error.number if isinstance(error, Stopped) else FAILED

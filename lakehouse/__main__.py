"""The program: `lakehouse`, `python -m lakehouse` and `python main.py`."""

import gc
import os
import signal
import sys

# Objects until Python looks for garbage. Modules and plans make many that stay; to look through them each
# time took 4 % of a month's CPU seconds.
_OBJECTS = 100_000


def program() -> None:
    """Run the command line, and end the process with its exit code."""
    # While modules load, Ctrl-C ends the process without a traceback; main() has its own way.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _open_closed_streams()
    gc.set_threshold(_OBJECTS)
    try:
        from lakehouse.cli import main
        from lakehouse.stop import leave
    except ModuleNotFoundError as error:
        from lakehouse.errors import not_installed

        # Not by error_line, which needs libraries itself.
        if (line := not_installed(error)) is None:
            raise
        sys.exit(f"error: {line}")

    leave(main(sys.argv[1:]))


def _open_closed_streams() -> None:
    """Open streams that the shell has closed (`>&-`) on nothing; else a table's file gets their number."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")


if __name__ == "__main__":
    program()

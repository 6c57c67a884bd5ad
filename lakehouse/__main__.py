"""The program: `lakehouse`, `python -m lakehouse` and `python main.py`."""

import os
import signal
import sys


def program() -> None:
    """Run the command line, and end the process with its exit code."""
    # While modules load, Ctrl-C ends the process without a traceback; main() has its own way.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _open_closed_streams()
    try:
        from lakehouse.cli import main
        from lakehouse.stop import leave
    except ModuleNotFoundError as error:
        sys.exit(_missing(error))

    leave(main(sys.argv[1:]))


def _missing(error: ModuleNotFoundError) -> str:
    """The line of a library that is not there; the same as in `error_line`, which needs libraries itself."""
    if (error.name or "").split(".")[0] == "lakehouse":
        raise error
    return f"error: {error.name} is not installed; python -m pip install -r requirements.txt installs it"


def _open_closed_streams() -> None:
    """Open streams that the shell has closed (`>&-`) on nothing; else a table's file gets their number."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")


if __name__ == "__main__":
    program()

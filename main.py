"""The command line of the lakehouse: `python main.py --help`."""

import signal
import sys

if __name__ == "__main__":
    # While modules load, Ctrl-C ends the process without a traceback; main() has its own way.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from lakehouse.cli import main
    from lakehouse.stop import leave

    leave(main(sys.argv[1:]))

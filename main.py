"""The command line of the lakehouse: `python main.py --help`."""

import sys

from lakehouse.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""main.py with the narrow catalog, as a process: `python -m tests.reliability.narrow_main run ...`."""

import sys

import lakehouse.catalog
from tests.narrow import narrow

CATALOG = narrow()

if __name__ == "__main__":
    lakehouse.catalog.load = lambda: CATALOG
    from lakehouse.cli.commands import main
    from lakehouse.stop import leave

    leave(main(sys.argv[1:]))

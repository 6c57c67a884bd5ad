"""main.py with the narrow catalog, as a process: `python -m tests.reliability.narrow_main run ...`."""

import sys

from tests.narrow import narrow

CATALOG = narrow()

if __name__ == "__main__":
    from lakehouse.cli import main
    from lakehouse.stop import leave

    leave(main(sys.argv[1:], CATALOG))

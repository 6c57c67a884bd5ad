"""The embedded engine starts wherever its user stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# Nothing listens there: who asks it waits for ever.
PROXY = {
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "no_proxy": "bank",
}
COUNT = "from lakehouse.engine.embedded import session; print(session().range(3).count())"


def test_behind_a_proxy_the_engine_is_still_reached() -> None:
    command = [sys.executable, "-c", COUNT]
    environment = os.environ | PROXY
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "3\n"), done.stderr

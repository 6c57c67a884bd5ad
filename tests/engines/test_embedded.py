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
INTERRUPTED = """
import os, signal, sys, time
from pyspark.sql.connect.client import SparkConnectClient
from lakehouse.engines.embedded import session

before_the_first_call = SparkConnectClient.set_retry_policies

def interrupted(*arguments):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)  # Sail has ended its server by then
    before_the_first_call(*arguments)

SparkConnectClient.set_retry_policies = interrupted
# A process that a script begins in the background ignores Ctrl-C from its start.
signal.signal(signal.SIGINT, getattr(signal, sys.argv[1]))
try:
    session()
except KeyboardInterrupt:
    print("stopped")
SparkConnectClient.set_retry_policies = before_the_first_call
print(session().range(3).count())
"""
COUNT = "from lakehouse.engines.embedded import session; print(session().range(3).count())"


def printed(script: str, *arguments: str, **environment: str) -> str:
    """What a Python process of its own prints that ends well."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_behind_a_proxy_the_engine_is_still_reached() -> None:
    assert printed(COUNT, **PROXY) == "3\n"


def test_ctrl_c_before_the_engine_is_reached_ends_its_start_and_the_next_one_works() -> None:
    assert printed(INTERRUPTED, "default_int_handler") == "stopped\n3\n"


def test_ctrl_c_during_the_start_does_nothing_to_a_process_that_ignores_it() -> None:
    assert printed(INTERRUPTED, "SIG_IGN") == "3\n"

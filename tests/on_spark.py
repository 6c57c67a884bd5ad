"""One process with Spark in it for all tests that ask Spark: its JVM is slower to start than to answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
# As `!python main.py --engine spark` in a notebook: the variables of Connect are inherited.
CONNECTED = {"SPARK_CONNECT_MODE_ENABLED": "1", "SPARK_REMOTE": "sc://127.0.0.1:1"}
OnSpark = Callable[..., Any]


def _begin() -> None:
    os.chdir(ROOT)
    os.environ.update(CONNECTED)


@contextmanager
def spark_process() -> Iterator[OnSpark]:
    """What calls a function of a module, with these arguments, in that process."""
    with ProcessPoolExecutor(1, get_context("spawn"), _begin) as process:
        yield lambda function, *arguments: process.submit(function, *arguments).result()

"""One process with Spark in it for all tests that ask Spark: its JVM is slower to start than to answer.

It generates no code for its queries: with few rows a fifth of the time went into that. Tests that start
the program in a process of its own, as those of both engines, see queries as users do.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
# As `!python main.py --engine spark` in a notebook: the variables of Connect are inherited.
CONNECTED = {"SPARK_CONNECT_MODE_ENABLED": "1", "SPARK_REMOTE": "sc://127.0.0.1:1"}
NO_CODE = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
OnSpark = Callable[..., Any]


def _begin(settings: str) -> None:
    os.chdir(ROOT)
    os.environ.update(CONNECTED, SPARK_CONF_DIR=settings)


@contextmanager
def spark_process() -> Iterator[OnSpark]:
    """What calls a function of a module, with these arguments, in that process."""
    with (
        tempfile.TemporaryDirectory() as settings,
        ProcessPoolExecutor(1, get_context("spawn"), _begin, (settings,)) as process,
    ):
        lines = (f"{name} {value}\n" for name, value in NO_CODE.items())
        (Path(settings) / "spark-defaults.conf").write_text("".join(lines))
        yield lambda function, *arguments: process.submit(function, *arguments).result()

"""Help and status start fast: they load nothing that computes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PROGRAM = (
    "import sys; from lakehouse.cli import main; code = main(sys.argv[2:]); "
    "loaded = [n for n in sys.argv[1].split(',') if n in sys.modules]; "
    "sys.exit(f'loaded {loaded}' if loaded else code)"
)


@pytest.mark.parametrize(
    ("words", "unneeded"),
    [
        (["--help"], "pyspark,pysail,numpy,pyarrow,pandas,duckdb,rich,lakehouse.engines"),
        (["run", "--help"], "pyspark,pysail,numpy,pyarrow,pandas,duckdb,rich,lakehouse.engines"),
        (["status"], "pyspark,pysail,pandas,duckdb,rich,lakehouse.engines"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_loads_nothing_that_it_has_no_use_for(words: list[str], unneeded: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, unneeded, *words],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "loaded" not in done.stderr

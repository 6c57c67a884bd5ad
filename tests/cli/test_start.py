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
        (["status"], "pyspark,pysail,numpy,pyarrow,pandas,duckdb,rich,lakehouse.engines"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_loads_nothing_that_it_has_no_use_for(words: list[str], unneeded: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, unneeded, *words],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "loaded" not in done.stderr


def test_a_run_with_nothing_to_do_loads_nothing_that_computes(tmp_path: Path) -> None:
    place = ["--data", str(tmp_path / "data"), "--datamart", str(tmp_path / "datamart")]
    main = [sys.executable, "main.py"]
    few = ["generate", "--customers", "3", "--months", "2", "--out", str(tmp_path / "data")]
    for words in (few, ["run", *place]):
        subprocess.run([*main, *words], cwd=ROOT, capture_output=True, timeout=300, check=True)

    unneeded = "pyspark,pysail,numpy,pyarrow,pandas,duckdb,lakehouse.engines.embedded"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, unneeded, "run", *place],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, "loaded" in done.stderr) == (0, False), done.stderr

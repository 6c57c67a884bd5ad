"""Run the notebooks top to bottom, so that they show what they found; or strip them, as they are committed.

python notebooks/run.py [--strip] [NOTEBOOK ...]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

FOLDER = Path(__file__).resolve().parent
# Every notebook imports this checkout, as under lab.py.
_IMPORTS = {"PYTHONPATH": os.pathsep.join([str(FOLDER.parent), os.environ.get("PYTHONPATH", "")])}
# Without this, a kernel warns that others on this machine could listen.
_ENCRYPTED = Config(KernelManager={"transport_encryption": "auto"})


def executed(path: Path) -> NotebookNode:
    """The notebook with the outputs of a fresh kernel; CellExecutionError where a cell fails."""
    notebook = nbformat.read(path, as_version=4)
    folder = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, resources=folder, record_timing=False, config=_ENCRYPTED)
    return client.execute(env={**os.environ, **_IMPORTS})


def stripped(path: Path) -> NotebookNode:
    """The notebook without outputs and execution counts."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    # The kernel writes down its own Python version.
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def main(argv: list[str]) -> None:
    """Rewrite the named notebooks in place; all of them where none is named."""
    change = stripped if "--strip" in argv else executed
    named = [Path(name).resolve() for name in argv if name != "--strip"]
    for path in named or sorted(FOLDER.glob("*.ipynb")):
        print(f"{path.name} ...", flush=True)
        path.write_text(nbformat.writes(change(path)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

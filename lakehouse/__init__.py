"""A feature lakehouse: point-in-time correct features and labels on Delta tables."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from lakehouse.lake import Lakehouse as Lakehouse

# The allocators of Sail, delta-rs and Arrow read this when they load. Memory that one of them frees
# then goes back to the machine at once, and the others can use it. It halves the peak of a full build.
os.environ.setdefault("MIMALLOC_PURGE_DELAY", "0")

__version__ = "0.1.0"


def load_ipython_extension(shell: "InteractiveShell") -> None:
    """Give a notebook `%sql` and `%%sql`; `%load_ext lakehouse` calls it."""
    from lakehouse.notebook.magic import load

    load(shell)


def __getattr__(name: str) -> object:
    # Imported only when it is asked for: the command line does not need it.
    if name == "Lakehouse":
        from lakehouse.lake import Lakehouse

        return Lakehouse
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""A feature lakehouse: point-in-time correct features and labels on Delta tables."""

import os

# Read by the allocators of Sail, delta-rs and Arrow when they load: memory that one of them has
# freed goes back to the machine at once, for the others. It halves the peak of a full build.
os.environ.setdefault("MIMALLOC_PURGE_DELAY", "0")

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # Only who asks for it pays for its imports; the command line does not.
    if name == "Lakehouse":
        from lakehouse.lake import Lakehouse

        return Lakehouse
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

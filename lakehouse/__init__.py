"""A feature lakehouse: point-in-time correct features and labels on Delta tables."""

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # Only who asks for it pays for its imports; the command line does not.
    if name == "Lakehouse":
        from lakehouse.engine.lake import Lakehouse

        return Lakehouse
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Delta's jars: how Spark's resolver finds them, where it keeps them, and what each must be."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lakehouse.engine.landing import fingerprint
from lakehouse.errors import LakehouseError

_PACKAGE = "io.delta:delta-spark_4.2_2.13:4.4.0"
# Of what it needs Spark has all but what is Delta's own and Unity Catalog's.
_EXCLUDED = "com.*:*,commons-*:*,io.airlift:*,javax.*:*,org.*:*"
# Their SHA-256. They are the files whose SHA-1 Maven Central states.
_KNOWN = {
    "io.delta_delta-kernel-api-4.4.0.jar": (
        "ee9b5a14ac3b7efdff4d61a58478fe8eb0e5a3fbca43889dca7290795fe79a11"
    ),
    "io.delta_delta-kernel-defaults-4.4.0.jar": (
        "225c975199e4718b38ee5b7e6da7f19e9585024262b2cec2656b32151a856b0b"
    ),
    "io.delta_delta-kernel-unitycatalog-4.4.0.jar": (
        "cea22dfb4ac562b3cd27bf652697750e8336009d73fb06631363aaaad5345ffa"
    ),
    "io.delta_delta-spark_4.2_2.13-4.4.0.jar": (
        "27d4fd8b1f879535c573ed1c718177d6a27f24d3e626ba02e216369725721ead"
    ),
    "io.delta_delta-storage-4.4.0.jar": (
        "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc"
    ),
    "io.unitycatalog_unitycatalog-client-0.6.0.jar": (
        "48257499a86b801a3e2372cec55ac226ca1c1c7eabe5c118e7302f29a1fdbc19"
    ),
    "io.unitycatalog_unitycatalog-hadoop-0.6.0.jar": (
        "c47b63c961c87102b9e1d63809a0915ba4c86b7652f57c8d39ca3a05b441a150"
    ),
}


def settings() -> dict[str, str]:
    """What gives Spark these jars, kept or resolved; LakehouseError where a kept one is altered."""
    kept = kept_jars()
    check(kept)
    if kept:
        return {"spark.jars": ",".join(map(str, kept))}
    return {
        "spark.jars.packages": _PACKAGE,
        "spark.jars.excludes": _EXCLUDED,
        "spark.jars.ivy": str(_folders()[0]),
    }


def kept_jars() -> list[Path]:
    """Delta's jars where Spark's resolver keeps them; [] while one of them is missing."""
    for folder in _folders():
        jars = [folder / "jars" / name for name in _KNOWN]
        if all(jar.is_file() for jar in jars):
            return jars
    return []


def _folders() -> list[Path]:
    """Where Spark's resolver keeps what it has brought, of Spark 4.2 first."""
    return [Path.home() / ".ivy2.5.2", Path.home() / ".ivy2"]


def altered(jars: Iterable[Path]) -> list[Path]:
    """Those whose bytes are not the known ones."""
    return [jar for jar in jars if fingerprint(jar) != _KNOWN[jar.name]]


def check(jars: Iterable[Path]) -> None:
    """LakehouseError where one of Delta's jars is not the known file."""
    for jar in altered(jars):
        raise LakehouseError(f"{jar} is not the jar that Maven Central has: {remedy(jar)}")


def remedy(jar: Path) -> str:
    """What to do about an altered jar."""
    # Beside the kept jars the resolver has a cache, from which it would take the same again.
    return f"delete {jar.parent.parent}, which Spark's resolver fills again, and run again"

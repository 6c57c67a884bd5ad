"""The jars of Delta and S3A: their names for Spark's resolver, where it keeps them, and their SHA-256."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lakehouse.errors import LakehouseError
from lakehouse.storage.files import fingerprint

_PACKAGE = "io.delta:delta-spark_4.2_2.13:4.4.0"
# Not fetched: dependencies that Spark has. Only those of Delta and of Unity Catalog are missing there.
_EXCLUDED = "com.*:*,commons-*:*,io.airlift:*,javax.*:*,org.*:*"
# S3A of the Hadoop version in PySpark, with the 13 MB of Amazon's SDK that it uses (the bundle has 690 MB).
_S3A_PACKAGES = (
    "org.apache.hadoop:hadoop-aws:3.5.0",
    *(
        f"software.amazon.awssdk:{name}:2.35.4"
        for name in ("apache-client", "netty-nio-client", "s3", "s3-transfer-manager", "sts")
    ),
)
# Not fetched: dependencies of S3A that Spark has, or that nobody uses.
_S3A_EXCLUDED = (
    "com.*:*,commons-*:*,io.airlift:*,io.netty:*,javax.*:*,org.apache.hadoop:hadoop-client-*,"
    "org.apache.httpcomponents:*,org.apache.logging*:*,org.apache.parquet:*,org.locationtech*:*,"
    "org.roaringbitmap:*,org.slf4j:*,org.wildfly*:*,org.xerial*:*,software.amazon.awssdk:bundle"
)
_S3A_SHA256 = Path(__file__).with_name("s3a.sha256")
# Jar -> SHA-256, of the files with the SHA-1 that Maven Central states.
DELTA_SHA256 = {
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


def settings(s3a: bool = False) -> dict[str, str]:
    """The settings that give Spark these jars; those of S3A too, for a datamart in an object store.

    The jars are on this machine or are resolved at the start. LakehouseError if one of them is altered.
    """
    kept = kept_jars(s3a)
    check(kept)
    if kept:
        return {"spark.jars": ",".join(map(str, kept))}
    return {
        "spark.jars.packages": ",".join([_PACKAGE, *(_S3A_PACKAGES if s3a else ())]),
        "spark.jars.excludes": _S3A_EXCLUDED if s3a else _EXCLUDED,
        "spark.jars.ivy": str(_folders()[0]),
    }


def kept_jars(s3a: bool = False) -> list[Path]:
    """The jars of Delta, and of S3A if asked for, in the resolver's folder; [] if one of them is missing."""
    for folder in _folders():
        jars = [folder / "jars" / name for name in _sha256_by_name(s3a)]
        if all(jar.is_file() for jar in jars):
            return jars
    return []


def _sha256_by_name(s3a: bool) -> dict[str, str]:
    """The SHA-256 of each jar by its name."""
    if not s3a:
        return DELTA_SHA256
    lines = _S3A_SHA256.read_text(encoding="utf-8").splitlines()
    return {**DELTA_SHA256, **{name: sha256 for sha256, name in map(str.split, lines)}}


def _folders() -> list[Path]:
    """The folders in which Spark's resolver keeps jars; that of Spark 4.2 comes first."""
    return [Path.home() / ".ivy2.5.2", Path.home() / ".ivy2"]


def altered(jars: Iterable[Path]) -> list[Path]:
    """The jars of these with another SHA-256 than the expected one."""
    expected = _sha256_by_name(s3a=True)
    return [jar for jar in jars if fingerprint(jar) != expected[jar.name]]


def check(jars: Iterable[Path]) -> None:
    """LakehouseError if one of the jars is altered."""
    for jar in altered(jars):
        raise LakehouseError(f"{jar} is not the jar that Maven Central has: {remedy(jar)}")


def remedy(jar: Path) -> str:
    """The words that say what to do about an altered jar."""
    # The resolver also has a cache in this folder, from which it would take the same jar again.
    return f"delete {jar.parent.parent}, which Spark's resolver fills again, and run again"

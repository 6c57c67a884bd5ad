"""How long a bank of many tables takes that has nothing to do: CPU seconds of the whole process, medians.

`python benchmarks/catalog.py [--groups 33] [--features 61] [--rounds 9]` writes a bank of
sources, silver tables and feature groups, builds it from a few rows, and measures it beside the shipped bank.
The goals: a run with nothing to do at most 0.5 s more than that of the shipped bank, and `plan` at most 1 s.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measure import MAIN, measured, print_heading

NUMBERS = 20
_BRONZE = '''"""One row: a delivered row of source {n}."""

from lakehouse.bronze.raw import bronze_table
from lakehouse.table import Field, Source

SOURCE = Source(
    name="s{n}",
    file_names=("s{n}.csv",),
    columns=(
        Field("who", "STRING", "Who."),
        *(Field(f"n_{{i}}", "STRING", "A number.") for i in range({numbers})),
        Field("day", "STRING", "When."),
    ),
    keys=("who", "day"),
    entity="who",
    date="day",
    required=(("who", "text"), ("day", "date")),
)
TABLE = bronze_table(SOURCE, "A delivered row.")
'''
_SILVER = '''"""One row: a row of source {n}, typed."""

from {bank}.bronze.s{n} import TABLE as BRONZE

from lakehouse.silver.cleaning import Rule, number, silver_table

TABLE = silver_table(
    BRONZE,
    "The same row, typed.",
    [number(f"n_{{i}}", 0, 1e6, "A number.") for i in range({numbers})],
    rules=[Rule("n_0", "n_0 > 100 * n_1", "far above n_1")],
    expectations=[("n_0_not_negative", "n_0 IS NULL OR n_0 >= 0")],
)
'''
_GOLD_HEAD = '''"""One row: what is known of somebody from source {n}."""

from {bank}.silver.s{n} import TABLE as SILVER

from lakehouse.feature import FeatureTransform, declared_in, feature
from lakehouse.gold.feature_group import ratio
from lakehouse.table import MONTH_FIELD, FeatureGroup, Field, Table

'''
_FEATURE = '''
@feature("DOUBLE")
def g{n}_{i}(n_{one}, n_{other}):
    """Number {one} divided by number {other}, in the {i}th way."""
    return ratio(n_{one} * {i}, n_{other})

'''
_GOLD_END = """
FEATURES = declared_in(globals())
TABLE = Table(
    layer="gold",
    name="features_g{n}",
    doc="Features of source {n}.",
    keys=("who", "day"),
    fields=(
        Field("who", "STRING", "Who."),
        Field("day", "DATE", "When."),
        *(each.field for each in FEATURES),
        MONTH_FIELD,
    ),
    upstreams=(SILVER,),
    transform=FeatureTransform(("who", "day", "month"), FEATURES),
    entity="who",
    date="day",
    group=FeatureGroup("g{n}", 12),
    expectations=(("g{n}_1_not_negative", "g{n}_1 IS NULL OR g{n}_1 >= 0"),),
)
"""


def write_bank(folder: Path, groups: int, features: int) -> None:
    """Write a bank of so many groups, each with a source, a silver table and so many features."""
    for layer in ("bronze", "silver", "gold"):
        (folder / layer).mkdir(parents=True)
        (folder / layer / "__init__.py").write_text("")
    (folder / "__init__.py").write_text("")
    for n in range(groups):
        names = {"n": n, "bank": folder.name, "numbers": NUMBERS}
        (folder / "bronze" / f"s{n}.py").write_text(_BRONZE.format(**names))
        (folder / "silver" / f"s{n}.py").write_text(_SILVER.format(**names))
        text = [_GOLD_HEAD.format(**names)]
        for i in range(features):
            one, other = i % NUMBERS, (i // NUMBERS + i + 1) % NUMBERS
            text.append(_FEATURE.format(n=n, i=i, one=one, other=other))
        (folder / "gold" / f"g{n}.py").write_text("".join(text) + _GOLD_END.format(n=n))


def write_data(folder: Path, groups: int) -> None:
    """Write a raw file of a few rows for each source."""
    folder.mkdir()
    head = ",".join(["who", *(f"n_{i}" for i in range(NUMBERS)), "day"])
    rows = [",".join([f"C{row}", *["7"] * NUMBERS, "2024-01-31"]) for row in range(3)]
    for n in range(groups):
        (folder / f"s{n}.csv").write_text("\n".join([head, *rows]) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=33)
    parser.add_argument("--features", type=int, default=61)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--keep", type=Path, help="Folder in which a former call has left its banks."
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = asked.keep or Path(folder)
        large, shipped = root / "large", root / "shipped"
        of_large = ("--tables", str(large / "large_bank"))
        if not large.exists():
            write_bank(large / "large_bank", asked.groups, asked.features)
            write_data(large / "data", asked.groups)
            subprocess.run(
                [*MAIN, "generate", "--out", str(shipped / "data"), "--customers", "20"],
                check=True,
                capture_output=True,
            )
            for at, more in ((large, of_large), (shipped, ())):
                subprocess.run([*MAIN, "run", *places(at), *more], check=True, capture_output=True)
        commands = {
            "shipped: run, nothing to do": (*MAIN, "run", *places(shipped)),
            "shipped: plan": (*MAIN, "plan", *places(shipped)),
            "large: run, nothing to do": (*MAIN, "run", *places(large), *of_large),
            "large: plan": (*MAIN, "plan", *places(large), *of_large),
            "large: dictionary": (*MAIN, "dictionary", *of_large),
        }
        costs: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(asked.rounds):
            for name, command in commands.items():
                costs[name].append(measured(command).cpu_seconds)
    print_heading(("command", "CPU s"))
    for name, seconds in costs.items():
        print(f"| {name} | {statistics.median(seconds):.2f} |")


def places(root: Path) -> tuple[str, ...]:
    return "--data", str(root / "data"), "--datamart", str(root / "datamart")


if __name__ == "__main__":
    main()

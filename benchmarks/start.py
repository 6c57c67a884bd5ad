"""How long a short command takes: wall and CPU seconds of the whole process, medians of some rounds.

`python benchmarks/start.py --datamart DIR --data DIR [--rounds 15]`: a datamart that has taken the raw files.
The goals, on an idle machine: 0.15 s for --help, 0.4 s for status. In each round every command runs once.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measure import MAIN, Cost, measured, print_heading


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datamart", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args()
    at = ("--datamart", asked.datamart)
    commands = {
        "python -c pass": (sys.executable, "-c", "pass"),
        "--help": (*MAIN, "--help"),
        "status": (*MAIN, "status", *at),
        "run, nothing to do": (*MAIN, "run", *at, "--data", asked.data),
    }
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(asked.rounds):
        for name, command in commands.items():
            costs[name].append(measured(command))
    print_heading(("command", "wall s", "CPU s"))
    for name, found in costs.items():
        wall, cpu = (
            statistics.median(getattr(each, kind) for each in found)
            for kind in ("wall_seconds", "cpu_seconds")
        )
        print(f"| {name} | {wall:.2f} | {cpu:.2f} |")


if __name__ == "__main__":
    main()

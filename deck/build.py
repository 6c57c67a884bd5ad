"""Make the deck: run the lakehouse, write figures.json, typeset deck.pdf.

`python deck/build.py [--data DIR] [--sample] [--datamart DIR]` does all of it. `--layout-only` typesets
the figures that are there, `--timings-only` measures the times again, `--no-timings` keeps them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from deck.layout import FIGURES, PDF, typeset  # noqa: E402


def main() -> None:
    """Measure what was asked for, and typeset."""
    asked = _asked()
    if not asked.layout_only:
        _write(_measured(asked))
    typeset()
    run = json.loads(FIGURES.read_text(encoding="utf-8"))["run"]
    files = "the sample of the bank's files" if run["sample"] else "the raw files"
    print(f"{PDF.relative_to(ROOT)}: drawn from release {run['release']} of {run['date']}, {files}")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT / "data", help="the raw files")
    parser.add_argument(
        "--sample", action="store_true", help="the raw files are the sample of the bank's files"
    )
    parser.add_argument(
        "--datamart", type=Path, help="a new folder for the run; else a passing one"
    )
    parser.add_argument("--repeat", type=int, default=3, help="timings are medians of so many")
    steps = parser.add_mutually_exclusive_group()
    steps.add_argument("--layout-only", action="store_true", help="typeset the figures as they are")
    steps.add_argument("--timings-only", action="store_true", help="measure nothing but times")
    steps.add_argument("--no-timings", action="store_true", help="keep the times that are there")
    asked = parser.parse_args()
    if asked.datamart and asked.datamart.exists():
        parser.error(f"{asked.datamart} is there already; the deck's run needs a new folder")
    return asked


def _measured(asked: argparse.Namespace) -> dict[str, Any]:
    from deck.measure import measure, timings

    known = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    if not asked.timings_only:
        with tempfile.TemporaryDirectory() as name:
            datamart = asked.datamart or Path(name) / "datamart"
            known |= measure(asked.data, datamart, asked.sample)
    if not asked.no_timings:
        known["timings"] = timings(asked.data, asked.repeat)
    return known


def _write(figures: dict[str, Any]) -> None:
    text = json.dumps(figures, indent=1, sort_keys=True, ensure_ascii=False)
    FIGURES.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

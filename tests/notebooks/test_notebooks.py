"""The notebooks, run by their own command on a fresh checkout: what they find, and how it looks."""

from __future__ import annotations

import json
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from nbformat import NotebookNode

ROOT = Path(__file__).parent.parent.parent
NOTEBOOKS = [path.stem for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]

# The pandas frames that a notebook has shown.
SHOWN = "[each for each in Out.values() if hasattr(each, 'columns')]"
# What each notebook is asked at its end, as Python over its own variables.
ASKED = {
    "01_tour": {
        "tables": "list(lake.tables().index)",
        "reasons": "dict(zip(quarantined._source_row, map(list, quarantined.reasons)))",
        "sound_rows": "len(sound.splitlines())",
        "mended": "deliveries[deliveries.file.str.startswith('features_attributes/2023-01')]"
        "[['quarantined', 'replaced']].values.tolist()",
        "shares": "shares.to_dict()",
        "labelled": "int(labels.loans.sum())",
    },
    "02_time_travel": {
        "releases": "releases.through.to_dict()",
        "moved": "[[name, f'{day:%b}'] for name, row in moved.iterrows() for day in row.index[row]]",
        "diffed": "cells[cells.table != 'bronze.superseded']"
        "[['table', 'column', 'snapshot_date']].values.tolist()",
        "superseded": "cells[cells.table == 'bronze.superseded'].what.tolist()",
        "added": "sorted(set(between.what))",
        "published_again": "again.published",
    },
    "03_point_in_time": {
        "rows": "[len(loans), naive.loans, naive.joined, naive.later]",
        "late": "[int(after.sum()), len(latest)]",
        "auc": "[honest.max(), outcome.min()]",
        "months_back": "[day and (applied.year - day.year) * 12 + applied.month - day.month "
        "for day in taken]",
        "same": "bool(same)",
        "known": "[len(moved), auc.now.annual_income, auc.then.annual_income]",
        "young": "[young.too_young.tolist(), young.labelled.tolist()]",
        "hash": "[len(receipt.content_hash), receipt.row_count]",
    },
    "04_model_and_audit": {
        "audit": "checks.passed.to_dict()",
        "verdicts": "[assessment.verdict.kind, verdict.kind]",
        "auc": "assessment.evidence.model.test.auc.value",
        "honest": "honest.passed",
        "newer": "[[each.subject, each.evidence] for each in newer.findings]",
        "oracle": "[each.subject for each in oracle.findings]",
    },
    "05_ask_your_own": {
        "loans": f"{SHOWN}[0].set_index('label_def').loans.to_dict()",
        "income": "[q2.loans.sum().item(), q2.percent_in_default.tolist()]",
        "answers": f"[len(frame) for frame in {SHOWN}]",
        "late": "q6.percent_30_days.tolist()",
        "without_clicks": "[int((each.loans - each.with_clicks).sum()) "
        f"for each in {SHOWN} if 'with_clicks' in each]",
    },
}


class Ran(NamedTuple):
    """A notebook with its outputs, and what it answered."""

    notebook: NotebookNode
    answers: dict[str, Any]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh checkout, which has no datamart yet."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("lakehouse", "data", "notebooks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "main.py", folder)
    return folder


@pytest.fixture(scope="module")
def ran(checkout: Path) -> Callable[[str], Ran]:
    """Run a notebook, once for all tests."""

    @cache
    def run(name: str) -> Ran:
        import nbformat  # here, as it takes more than a second of each process that collects tests

        path = checkout / "notebooks" / f"{name}.ipynb"
        _append(path, _question(ASKED[name]))
        command = [sys.executable, "notebooks/run.py", path]
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        notebook = nbformat.read(path, as_version=4)
        return Ran(notebook, json.loads(notebook.cells.pop().outputs[0].text))

    return run


def _question(asked: dict[str, str]) -> str:
    pairs = ", ".join(f"{name!r}: {expression}" for name, expression in asked.items())
    return f"import json\nprint(json.dumps({{{pairs}}}, default=str))"


def _append(path: Path, source: str) -> None:
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(source))
    nbformat.write(notebook, path)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_committed_notebook_has_no_outputs(name: str) -> None:
    import nbformat

    path = ROOT / "notebooks" / f"{name}.ipynb"
    stripped = runpy.run_path(str(ROOT / "notebooks" / "run.py"))["stripped"]
    assert nbformat.writes(stripped(path)) == path.read_text(encoding="utf-8").rstrip("\n")


def test_every_notebook_is_asked_something() -> None:
    assert list(ASKED) == NOTEBOOKS


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_no_warning_and_no_wall_of_text_is_shown(name: str, ran: Callable[[str], Ran]) -> None:
    outputs = [output for cell in ran(name).notebook.cells for output in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert {output.output_type for output in outputs} <= {
        "stream",
        "display_data",
        "execute_result",
    }
    streams = [output for output in outputs if output.output_type == "stream"]
    assert [each.text for each in streams if each.name != "stdout"] == []
    lines = [line for each in streams for line in each.text.splitlines()]
    assert max(map(len, lines), default=0) <= 100
    assert len(lines) <= 20


@pytest.mark.slow
def test_the_tour_shows_every_table_and_how_a_bad_row_is_quarantined(
    ran: Callable[[str], Ran],
) -> None:
    found = ran("01_tour").answers
    assert len(found["tables"]) == 20
    rows = found["sound_rows"]
    assert found["reasons"] == {
        str(rows + 1): ["Customer_ID is missing"],
        str(rows + 2): ["too many columns: 7 where the header has 6"],
    }
    assert found["shares"]["credit_mix"] == max(found["shares"].values())
    assert found["mended"] == [[2, True], [0, False]]
    customers = len((ROOT / "data/features_attributes.csv").read_text().splitlines()) - 1
    assert found["labelled"] == customers


@pytest.mark.slow
def test_the_correction_moved_exactly_the_windows_that_hold_march(
    ran: Callable[[str], Ran],
) -> None:
    found = ran("02_time_travel").answers
    assert found["releases"] == {"1": "2023-08", "2": "2023-09", "3": "2023-09"}
    moved = {(name, month) for name, month in found["moved"]}
    assert moved == _moved_by_march()
    assert found["published_again"] == []
    assert found["added"] == ["added"]
    assert found["superseded"] == ["added"]

    months = {f"2023-0{i}-01": name for i, name in enumerate(("Mar", *_AFTER_MARCH), 3)}
    diffed = [(table, column, months[day]) for table, column, day in found["diffed"]]
    gold = "gold.features_clickstream"
    assert {(column, month) for table, column, month in diffed if table == gold} == moved
    assert [each for each in diffed if each[0] != gold] == [
        ("bronze.clickstream", "fe_1", "Mar"),
        ("silver.clickstream", "fe_1", "Mar"),
    ]


_AFTER_MARCH = ("Apr", "May", "Jun", "Jul", "Aug", "Sep")
# March is in the middle of February to April, and of January to May, where the data begins.
_UNMOVED_TRENDS = {(3, "Apr"), (6, "May")}


def _moved_by_march() -> set[tuple[str, str]]:
    windows = {
        (f"{signal}_{statistic}_{length}m", month)
        for signal in ("fe_1", "activity")
        for statistic in ("mean", "std", "trend")
        for length in (3, 6)
        for month in ("Mar", *_AFTER_MARCH)[:length]
        if statistic != "trend" or (length, month) not in _UNMOVED_TRENDS
    }
    return windows | {("fe_1", "Mar"), ("activity_sum", "Mar")}


@pytest.mark.slow
def test_the_naive_joins_leak_and_the_honest_one_does_not(ran: Callable[[str], Ran]) -> None:
    found = ran("03_point_in_time").answers
    rows, with_clicks, joined, later = found["rows"]
    assert rows >= with_clicks
    assert joined == 24 * with_clicks
    assert 0 < later < joined
    assert found["late"] == [with_clicks, with_clicks]
    honest, outcome = found["auc"]
    assert honest < 0.9 < outcome
    assert found["months_back"] == [0, 1, 2, 3, None]
    moved, now, then = found["known"]
    assert moved > 50
    assert now > 0.8 > 0.7 > then
    too_young, labelled = found["young"]
    assert too_young[0] > 0 and too_young == sorted(too_young, reverse=True)
    assert labelled == sorted(labelled)
    assert found["same"]
    assert found["hash"] == [64, rows]


@pytest.mark.slow
def test_the_audit_passes_and_the_planted_leaks_are_caught(ran: Callable[[str], Ran]) -> None:
    found = ran("04_model_and_audit").answers
    assert len(found["audit"]) >= 10
    assert all(found["audit"].values())
    assert found["verdicts"] == ["signal", "leak"]
    assert 0.7 < found["auc"] < 0.9
    assert found["honest"]
    assert [subject for subject, _ in found["newer"]] == ["gold.features_clickstream"]
    assert "before they were known" in found["newer"][0][1]
    assert found["oracle"] == ["dpd_today"]


@pytest.mark.slow
def test_the_ten_questions_are_answered_from_the_tables(ran: Callable[[str], Ran]) -> None:
    found = ran("05_ask_your_own").answers
    loans = found["loans"]
    assert (
        loans["30dpd_6mob"]
        == len((ROOT / "data/features_attributes.csv").read_text().splitlines()) - 1
    )
    counted, shares = found["income"]
    assert 0 < counted <= loans["30dpd_6mob"] and len(shares) == 5
    assert len(found["answers"]) == 8 and min(found["answers"]) > 0
    assert found["late"][0] == 0 < found["late"][-1]
    assert found["without_clicks"][0] > 0


_MEASURE = """<script>addEventListener("load", () => {
  const outputs = [...document.querySelectorAll(".jp-OutputArea-output")];
  const wide = outputs.filter(each => each.scrollWidth > each.clientWidth + 1);
  document.title = JSON.stringify({
    outputs: outputs.length,
    wide: wide.map(each => each.innerText.slice(0, 60)),
    blank: [...document.images].filter(each => !each.naturalWidth).length,
  });
})</script></body>"""


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_in_a_browser_no_output_needs_a_scrollbar(
    name: str, ran: Callable[[str], Ran], tmp_path: Path
) -> None:
    from nbconvert import HTMLExporter

    page, _ = HTMLExporter().from_notebook_node(ran(name).notebook)
    file = tmp_path / f"{name}.html"
    file.write_text(page.replace("</body>", _MEASURE), encoding="utf-8")
    found = json.loads(_title_in_chromium(file))
    assert found["outputs"] > 10
    assert found["wide"] == []
    assert found["blank"] == 0


def _title_in_chromium(page: Path) -> str:
    """The title of a page once it is loaded, as narrow as a notebook beside JupyterLab's sidebar."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if browser is None:
        pytest.skip("no Chromium to look at a notebook with: apt-get install chromium")
    offline = "--host-resolver-rules=MAP * ~NOTFOUND"
    command = [browser, "--headless", "--no-sandbox", "--window-size=980,800", offline]
    done = subprocess.run(
        [*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=60
    )
    return done.stdout.split("<title>")[1].split("</title>")[0]

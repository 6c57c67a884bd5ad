"""The examples in the docstrings of a lake, run on the shipped data: release 1 until June 2024, then all."""

from __future__ import annotations

import doctest
import inspect
from pathlib import Path

import pandas as pd
import pytest

from lakehouse import Lakehouse

ROOT = Path(__file__).parent.parent
OFFERED = [name for name in vars(Lakehouse) if not name.startswith("_")]
AS_SHOWN = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def example(name: str) -> doctest.DocTest:
    doc = inspect.getdoc(getattr(Lakehouse, name)) or ""
    return doctest.DocTestParser().get_doctest(doc, {}, name, None, None)


@pytest.mark.parametrize("name", OFFERED)
def test_each_public_name_has_an_example(name: str) -> None:
    assert example(name).examples


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the shipped data, in which the examples are tried."""
    made = tmp_path_factory.mktemp("examples")
    (made / "data").symlink_to(ROOT / "data")
    return made


@pytest.fixture(scope="module")
def lake(folder: Path) -> Lakehouse:
    made = Lakehouse.new(folder / "datamart", engine="embedded")
    for last in ("2024-06", None):
        made.run(folder / "data", through=last)
    return made


@pytest.mark.slow
@pytest.mark.each
@pytest.mark.parametrize("name", OFFERED)
def test_an_example_shows_what_it_says(
    name: str, lake: Lakehouse, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    shown = example(name)
    shown.globs = {"lake": lake, "Lakehouse": Lakehouse, "pd": pd}
    told: list[str] = []
    results = doctest.DocTestRunner(optionflags=AS_SHOWN).run(shown, out=told.append)
    assert results.failed == 0, "".join(told)

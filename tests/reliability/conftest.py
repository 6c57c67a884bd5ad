"""The worlds in which jobs are killed, and what the jobs leave when they are let; made once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.reliability.jobs import JOBS, Stage, Undisturbed, let_be, make_worlds


@pytest.fixture(scope="session")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Where each job starts, by name; to be copied."""
    return make_worlds(tmp_path_factory.mktemp("worlds"))


@pytest.fixture(scope="session")
def undisturbed(
    worlds: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Undisturbed]:
    """What a job does and leaves when nothing disturbs it, by its name."""

    @cache
    def of(name: str) -> Undisturbed:
        root = tmp_path_factory.mktemp(f"undisturbed-{name}") / "world"
        return let_be(name, worlds[JOBS[name].world], root)

    return of


@pytest.fixture
def staged(
    worlds: dict[str, Path], undisturbed: Callable[[str], Undisturbed], tmp_path: Path
) -> Callable[[str], Stage]:
    """A job by its name, in a copy of its world."""

    def stage(name: str) -> Stage:
        root = Path(tempfile.mkdtemp(dir=tmp_path)) / "world"
        shutil.copytree(worlds[JOBS[name].world], root)
        return Stage(JOBS[name], undisturbed(name), root)

    return stage

"""benchmarks/phases.py charges time to calls by their names, which must be there."""

from __future__ import annotations

import importlib
from functools import reduce

import pytest

from benchmarks.phases import WRAPPED


@pytest.mark.parametrize(("module", "name"), [each[:2] for each in WRAPPED])
def test_each_call_that_is_timed_exists(module: str, name: str) -> None:
    assert callable(reduce(getattr, name.split("."), importlib.import_module(module)))

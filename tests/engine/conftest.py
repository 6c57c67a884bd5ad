"""One bank of four releases for all tests of the engine."""

from __future__ import annotations

import pytest

from tests.engine.bank import Bank, make_bank


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """Four releases, see `make_bank`. Not to be changed; copy it."""
    return make_bank(tmp_path_factory.mktemp("bank"))

"""A datamart in Azure's store, here Azurite, is what it is in a folder; Spark does not work there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyarrow.fs import AzureFileSystem

from lakehouse.errors import BadInput
from lakehouse.releases import published
from lakehouse.storage.place import place
from tests.objectstore.conftest import BUCKET, Mart
from tests.objectstore.daemon import daemon, free_ports
from tests.reliability.process import ROOT, finished

# Every Azurite has this account, whose key Microsoft's documentation names.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
AZURITE = shutil.which(
    "azurite-blob", path=f"{ROOT}/.venv/azurite/node_modules/.bin:{os.environ.get('PATH', '')}"
)
FIRST, LAST = "2023-03", "2023-09"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def azure() -> Iterator[None]:
    """Azurite with one container, and the environment of this process and of its children set to it."""
    if AZURITE is None:
        pytest.skip("no Azurite to try: the npm package azurite is not installed")
    (port,) = free_ports(1)
    where = ["--blobHost", "127.0.0.1", "--blobPort", str(port)]
    how = ["--inMemoryPersistence", "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    settings = {
        "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
        "AZURE_STORAGE_ACCOUNT_KEY": KEY,
        "AZURE_STORAGE_USE_EMULATOR": "true",
        "AZURITE_BLOB_STORAGE_URL": f"http://127.0.0.1:{port}",
    }
    with daemon([AZURITE, *where, *how], port), pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        at = f"127.0.0.1:{port}"
        store = AzureFileSystem(
            ACCOUNT, account_key=KEY, blob_storage_authority=at, blob_storage_scheme="http"
        )
        store.create_dir(BUCKET)
        yield


@pytest.fixture(scope="module")
def both(azure: None, raw: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Mart, Mart]:
    """Two releases in the container, and the same in a folder."""
    folder = tmp_path_factory.mktemp("both") / "datamart"
    marts = Mart(raw, f"az://{BUCKET}/some/mart"), Mart(raw, str(folder))
    for mart in marts:
        for through in (FIRST, LAST):
            assert len(mart.build(through).published) == 1
    return marts


def test_every_release_has_the_rows_that_it_has_in_a_folder(both: tuple[Mart, Mart]) -> None:
    in_store, in_folder = both
    for ours, theirs in zip(*(published.releases(mart.log) for mart in both), strict=True):
        assert in_store.rows(ours) == in_folder.rows(theirs)


def test_a_training_set_has_the_bytes_that_it_has_of_a_folder(
    both: tuple[Mart, Mart], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for mart, name in zip(both, ("azure", "folder"), strict=True):
        assert mart.call(capsys, "training-set", "--out", tmp_path / name).code == 0
    assert (tmp_path / "azure").read_bytes() == (tmp_path / "folder").read_bytes()


def test_optimize_and_a_rerun_leave_every_row(
    both: tuple[Mart, Mart], capsys: pytest.CaptureFixture[str]
) -> None:
    assert both[0].call(capsys, "optimize").code == 0
    assert both[0].call(capsys, "run", "--through", LAST).code == 0
    assert both[0].rows() == both[1].rows()


def test_the_long_form_of_a_uri_names_the_account_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "")
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME")
    long_form = "abfss://bank@other.dfs.core.windows.net/some/mart"
    assert place(long_form) == place("az://bank/some/mart")
    assert os.environ["AZURE_STORAGE_ACCOUNT_NAME"] == "other"
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "mine")
    with pytest.raises(BadInput, match="is in the account other"):
        place(long_form)


def test_what_does_not_work_there_is_told_in_one_line(
    azure: None, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = Mart(raw, f"az://{BUCKET}/new").at("run", "--through", FIRST)
    spark = finished(*new, "--engine", "spark")
    assert (spark.code, spark.err.count("\n")) == (2, 1) and "not supported on az://" in spark.err
    nowhere = finished(*Mart(raw, "az://nobody/new").at("run"))
    assert (nowhere.code, nowhere.err.count("\n")) == (2, 1) and "no bucket nobody" in nowhere.err
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "d3Jvbmc=")
    refused = finished(*new)
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "refuses the credentials" in refused.err and "d3Jvbmc" not in refused.err

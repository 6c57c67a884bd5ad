"""The hand-in zip: what is in it, that it runs, whose link it names, and what is refused."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from lakehouse.bank import Bank
from lakehouse.catalog import load
from lakehouse.errors import BadInput
from lakehouse.exports.package import ROOT, package, repository_link
from tests.banks.files import FOLDER, write

LINK = "https://github.com/owner/lakehouse"
TOP = {
    "main.py", "Dockerfile", "docker-compose.yaml", "requirements.txt", "lakehouse", "data",
    "notebooks", "Readme.txt",
}  # fmt: skip


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory, generated: Path) -> Path:
    """The zip of this project with a small delivery."""
    out = tmp_path_factory.mktemp("packed") / "submission.zip"
    package(out, generated, LINK)
    return out


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project that a test may change."""
    folder = tmp_path / "project"
    for name in ("lakehouse", "notebooks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("main.py", "Dockerfile", "docker-compose.yaml", "requirements.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


def names(file: Path) -> list[str]:
    with zipfile.ZipFile(file) as archive:
        return archive.namelist()


def readme(file: Path) -> str:
    with zipfile.ZipFile(file) as archive:
        return archive.read("Readme.txt").decode()


def git(folder: Path, *words: str) -> None:
    if shutil.which("git") is None:
        pytest.skip("no git to make a repository with")
    subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True)


def test_it_holds_the_project_at_its_top_and_nothing_else(packed: Path) -> None:
    found = names(packed)
    assert {name.split("/")[0] for name in found} == TOP
    assert len(found) == len(set(found))
    assert not [name for name in found if re.search(r"(^|/)\.|__pycache__|\.pyc$|datamart/", name)]
    assert {name for name in found if name.startswith("data/")} == {
        "data/feature_clickstream.csv",
        "data/features_attributes.csv",
        "data/features_financials.csv",
        "data/lms_loan_daily.csv",
    }
    for folder in ("lakehouse", "notebooks"):
        tracked = {
            str(each.relative_to(ROOT))
            for each in (ROOT / folder).rglob("*")
            if each.is_file()
            and "__pycache__" not in each.parts
            and ".ipynb_checkpoints" not in each.parts
        }
        assert {name for name in found if name.startswith(f"{folder}/")} == tracked


def test_its_readme_is_exactly_one_line_the_link(packed: Path) -> None:
    assert readme(packed) == f"{LINK}\n"


def test_everything_that_the_image_is_built_of_is_in_it(packed: Path) -> None:
    lines = re.findall(r"^COPY +(?!--from)(.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    words = [word for line in lines for word in line.split()[:-1] if not word.startswith("--")]
    tops = {name.split("/")[0] for name in names(packed)}
    assert words and set(words) <= tops


def test_unzipped_into_an_empty_folder_it_runs_and_builds_gold(
    packed: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "main.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "Release 1 published" in done.stdout
    gold = {each.name for each in (tmp_path / "datamart" / "gold").iterdir()}
    assert {"features_clickstream", "features_attributes", "label_store"} <= gold


def test_a_bank_of_ones_own_comes_along_and_the_unzipped_project_builds_it(tmp_path: Path) -> None:
    own, made = load(FOLDER), tmp_path / "own.zip"
    package(made, write(tmp_path / "raw"), LINK, catalog=own)
    found = names(made)
    assert {name.split("/")[0] for name in found} == TOP | {"corner", "pyproject.toml"}
    assert not [name for name in found if "__pycache__" in name]

    unzipped = tmp_path / "unzipped"
    with zipfile.ZipFile(made) as archive:
        archive.extractall(unzipped)
    assert "COPY --chown=1000:1000 corner corner\nCOPY --chown=1000:1000 pyproject.toml ./\n" in (
        (unzipped / "Dockerfile").read_text()
    )
    env = {name: value for name, value in os.environ.items() if name != "LAKEHOUSE_TABLES"}
    for words in ((), ("status",)):
        done = subprocess.run(
            [sys.executable, "main.py", *words],
            cwd=unzipped, env=env, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0 and "gold.outcomes" in done.stdout, done.stderr


def test_a_bank_that_is_called_as_a_folder_of_the_zip_is_refused(
    generated: Path, tmp_path: Path
) -> None:
    own = replace(load(), bank=Bank("own", "data.own", FOLDER))
    with pytest.raises(BadInput, match="has a folder data already"):
        package(tmp_path / "a.zip", generated, LINK, catalog=own)


def test_every_raw_file_that_a_run_would_read_comes_along(
    project: Path, generated: Path, tmp_path: Path
) -> None:
    data = Path(shutil.copytree(generated, tmp_path / "inbox"))
    (data / "lms_loan_daily").mkdir()
    (data / "lms_loan_daily.csv").rename(data / "lms_loan_daily" / "2024-07.csv")
    (data / "feature_clickstream_gone.deleted.csv").write_text("Customer_ID,snapshot_date\n")
    (data / "notes.csv").write_text("nothing of a source\n")
    packed = data / "features_financials.csv.gz"
    packed.write_bytes(gzip.compress((data / "features_financials.csv").read_bytes()))
    (data / "features_financials.csv").unlink()
    package(tmp_path / "a.zip", data, LINK, project)
    assert {name for name in names(tmp_path / "a.zip") if name.startswith("data/")} == {
        "data/feature_clickstream.csv",
        "data/feature_clickstream_gone.deleted.csv",
        "data/features_attributes.csv",
        "data/features_financials.csv.gz",
        "data/lms_loan_daily/2024-07.csv",
    }


def test_the_same_input_gives_the_same_bytes(
    project: Path, generated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = package(tmp_path / "a.zip", generated, LINK, project)
    for each in project.rglob("*"):
        os.utime(each, (1_000_000_000, 1_000_000_000))
        each.chmod(0o755 if each.is_dir() else 0o600)
    monkeypatch.chdir(project)
    again = package(tmp_path / "b.zip", generated, LINK, project)
    assert again.sha256 == first.sha256
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_caches_hidden_files_and_a_datamart_stay_out(
    project: Path, generated: Path, tmp_path: Path
) -> None:
    clean = package(tmp_path / "a.zip", generated, LINK, project)
    planted = (
        "datamart/gold/t/x.parquet", ".git/config", "lakehouse/gold/__pycache__/x.cpython-311.pyc",
        "lakehouse/stray.pyc", "notebooks/.ipynb_checkpoints/01_tour-checkpoint.ipynb",
        "notebooks/datamart/t/x.parquet", "notebooks/.secret", ".env",
    )  # fmt: skip
    for name in planted:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("planted", encoding="utf-8")
    assert package(tmp_path / "b.zip", generated, LINK, project).sha256 == clean.sha256


@pytest.mark.parametrize("folder", ["data", "lakehouse", "notebooks"])
def test_a_zip_inside_the_project_packs_neither_itself_nor_an_older_one(
    project: Path, generated: Path, folder: str
) -> None:
    shutil.copytree(generated, project / "data")
    first = package(project / folder / "old.zip", project / "data", LINK, project)
    for name in ("submission.zip", "submission.zip"):
        again = package(project / folder / name, project / "data", LINK, project)
        assert again.sha256 == first.sha256


@pytest.mark.parametrize("name", ["main.py", "lakehouse/catalog.py", "data/lms_loan_daily.csv"])
def test_it_is_not_written_over_a_file_that_it_packs(
    project: Path, generated: Path, name: str
) -> None:
    shutil.copytree(generated, project / "data")
    before = (project / name).read_bytes()
    with pytest.raises(BadInput, match="is a file that goes into the zip"):
        package(project / name, project / "data", LINK, project)
    assert (project / name).read_bytes() == before


def test_a_raw_file_behind_a_link_is_packed_by_its_content(
    project: Path, generated: Path, tmp_path: Path
) -> None:
    data = tmp_path / "linked"
    data.mkdir()
    for each in generated.glob("*.csv"):
        (data / each.name).symlink_to(each)
    linked = package(tmp_path / "a.zip", data, LINK, project)
    assert linked.sha256 == package(tmp_path / "b.zip", generated, LINK, project).sha256


@pytest.mark.parametrize(
    "name", ["notebooks/copy.py", "lakehouse/more", "requirements.txt", "notebooks"]
)
def test_a_link_outside_the_data_is_refused_and_nothing_is_written(
    project: Path, generated: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "mine").write_text("mine", encoding="utf-8")
    if (project / name).exists():
        (project / name).rename(tmp_path / "away")
    (project / name).symlink_to(tmp_path / "private")
    with pytest.raises(BadInput, match=f"{re.escape(name)} is a link"):
        package(tmp_path / "a.zip", generated, LINK, project)
    assert not list(tmp_path.glob("*.zip")) and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://github.com/owner/repo", "https://github.com/owner/repo"),
        ("https://github.com/owner/repo.git/", "https://github.com/owner/repo"),
        (
            "http://git.bank.example:8080/team/sub/repo",
            "https://git.bank.example:8080/team/sub/repo",
        ),
        ("https://user:s3cret@github.com/owner/repo.git", "https://github.com/owner/repo"),
        ("https://s3cret@github.com/owner/repo", "https://github.com/owner/repo"),
        ("git@github.com:owner/repo.git", "https://github.com/owner/repo"),
        ("git@intranet:owner/repo.git", "https://intranet/owner/repo"),
        ("github.com:owner/repo.git", "https://github.com/owner/repo"),
        ("ssh://git@git.bank.example:2222/owner/repo.git", "https://git.bank.example/owner/repo"),
        ("git://github.com/owner/repo.git", "https://github.com/owner/repo"),
    ],
)
def test_every_way_to_name_a_repository_becomes_its_https_link(url: str, link: str) -> None:
    assert repository_link(url) == link


@pytest.mark.parametrize(
    "url",
    [
        "", "github.com/owner/repo", "https://github.com", "https://github.com/owner", "/srv/repo.git",
        "file:///srv/repo.git", "../repo", "C:\\repo", "https:///owner/repo", "javascript:alert(1)/x/y",
        "https://github.com/owner/re po", "https://github.com/owner/repo\nhttps://evil.example/a/b",
        "https://user:s3cret@github.com:port/owner/repo", "https://user:s3cret@github.com",
        "user:s3cret@github.com:owner/repo", "https://[::1]/owner/repo", 'https://a"b/owner/repo',
    ],
)  # fmt: skip
def test_what_is_no_link_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(BadInput, match="is not a link to a repository") as caught:
        repository_link(url)
    assert "s3cret" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("remotes", "link"),
    [
        ({"origin": "git@github.com:owner/lakehouse.git"}, LINK),
        ({"bank": "https://me:s3cret@github.com/owner/lakehouse.git"}, LINK),
        ({"bank": "https://git.example/a/b", "origin": LINK}, LINK),
        ({}, None),
        ({"one": "https://git.example/a/b", "two": "https://git.example/c/d"}, None),
        ({"origin": "/srv/repo.git"}, None),
    ],
)
def test_without_a_url_the_git_remote_names_the_repository(
    project: Path, generated: Path, tmp_path: Path, remotes: dict[str, str], link: str | None
) -> None:
    git(project, "init")
    for name, url in remotes.items():
        git(project, "remote", "add", name, url)
    if link is None:
        with pytest.raises(BadInput, match="--repo-url"):
            package(tmp_path / "a.zip", generated, root=project)
        assert not (tmp_path / "a.zip").exists()
    else:
        assert package(tmp_path / "a.zip", generated, root=project).repository == link
        assert readme(tmp_path / "a.zip") == f"{link}\n"


def test_the_remote_of_a_repository_around_the_project_is_not_its_own(
    project: Path, generated: Path, tmp_path: Path
) -> None:
    git(tmp_path, "init")
    git(tmp_path, "remote", "add", "origin", "https://git.example/somebody/else")
    with pytest.raises(BadInput, match="there is no git remote"):
        package(tmp_path / "a.zip", generated, root=project)


def test_a_git_hook_of_another_repository_does_not_lend_its_remote(
    project: Path, generated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init")
    git(other, "remote", "add", "origin", "https://git.example/somebody/else")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    with pytest.raises(BadInput, match="there is no git remote"):
        package(tmp_path / "a.zip", generated, root=project)


def test_without_git_the_url_is_asked_for(
    project: Path, generated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match="give it as --repo-url https://"):
        package(tmp_path / "a.zip", generated, root=project)


@pytest.mark.parametrize("data", ["nowhere", "empty"])
def test_without_raw_files_nothing_is_packed(project: Path, tmp_path: Path, data: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        BadInput, match=rf"no data folder .*{data}|{data} holds no raw file to pack"
    ):
        package(tmp_path / "a.zip", tmp_path / data, LINK, project)
    assert not (tmp_path / "a.zip").exists()


def test_installed_without_its_checkout_it_says_so(generated: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"works in a checkout .* has no main\.py"):
        package(tmp_path / "a.zip", generated, LINK, tmp_path)


def test_a_folder_that_is_not_there_is_made(project: Path, generated: Path, tmp_path: Path) -> None:
    package(tmp_path / "new" / "a.zip", generated, LINK, project)
    assert (tmp_path / "new" / "a.zip").is_file()


def test_a_folder_that_cannot_be_written_is_refused(
    project: Path, generated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root may write anywhere: the answer of the system is pretended.
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(BadInput, match="closed cannot be written"):
        package(tmp_path / "closed" / "a.zip", generated, LINK, project)


def test_a_zip_is_replaced_only_by_a_whole_one(
    project: Path, generated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "a.zip"
    package(out, generated, LINK, project)
    before = out.read_bytes()

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", fails)
    with pytest.raises(OSError, match="No space left"):
        package(out, generated, LINK, project)
    assert out.read_bytes() == before
    assert not list(tmp_path.glob(".*.part"))


def test_the_command_tells_file_size_link_and_digest(generated: Path, tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "main.py", "package", "--repo-url", LINK, "--data", generated]
    told = subprocess.run(
        [*command, "--out", "a.zip"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert re.fullmatch(rf"a\.zip: \d+ files, \d+\.\d MB; Readme\.txt names {LINK}\n", told.stdout)
    asked = subprocess.run(
        [*command, "--out", "b.zip", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(asked.stdout)
    assert answer["bytes"] == (tmp_path / "b.zip").stat().st_size
    assert answer["files"] == len(names(tmp_path / "b.zip"))
    assert (answer["file"], answer["repository"], len(answer["sha256"])) == ("b.zip", LINK, 64)
    refused = subprocess.run(
        [*command, "--out", "."], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2
    assert refused.stderr == "error: --out . is a folder; name a file in it, as submission.zip\n"

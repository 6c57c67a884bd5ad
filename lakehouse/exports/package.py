"""The hand-in zip: code, Docker files, raw files, notebooks, and one line with the repository's link."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from lakehouse.bank import PROJECT, SHIPPED, Bank
from lakehouse.catalog import Catalog, load
from lakehouse.errors import BadInput
from lakehouse.landing.inbox import Inbox
from lakehouse.storage.data_folder import DataFolder
from lakehouse.storage.files import placed
from lakehouse.table import Source

ROOT = Path(__file__).resolve().parents[2]
_FILES = ("main.py", "Dockerfile", "docker-compose.yaml", "requirements.txt")
_FOLDERS = ("lakehouse", "notebooks")
_LEFT_OUT = {"__pycache__", "datamart", "spark-warehouse", "metastore_db"}
# An older hand-in zip among the notebooks is not packed again.
_SUFFIXES_LEFT_OUT = {".pyc", ".zip"}
_README = "Readme.txt"
# The line of the Dockerfile behind which a bank of its own is copied as well.
_COPIED = re.compile(r"^(COPY(?: --\S+)*) lakehouse lakehouse$", re.MULTILINE)
# The earliest possible time and plain rights, so that the zip is the same whoever makes it, and when.
_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16
# git@host:owner/repository, as ssh and scp write it. Without a user the host must have a dot.
_SCP = re.compile(r"(?:[^@/:\s]+@|(?=[^:]*\.))(?P<host>[\w.-]+):(?P<path>[^:\s]+)")
_HOST = re.compile(r"\w[\w.-]*(:\d+)?")
_PATH = re.compile(r"[\w.~-]+(/[\w.~-]+)+")
# A git hook sets these; with them git would answer for another repository.
_GIT_ELSEWHERE = {"GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR"}


@dataclass(frozen=True)
class Package:
    """A zip that was written: its file, size in bytes, number of files, link and SHA-256."""

    file: str
    bytes: int
    files: int
    repository: str
    sha256: str


def package(
    out: Path,
    data: Path,
    repo_url: str | None = None,
    root: Path = ROOT,
    catalog: Catalog | None = None,
) -> Package:
    """Write the project at `root` and the raw files of `data` as a zip; the same input gives the same bytes.

    Notebooks go in as they are, with their outputs; a bank of one's own with its folder, and the unzipped
    project builds that bank. Without a catalog it is the shipped one. BadInput if a file is missing or
    cannot go in.
    """
    catalog = catalog or load(SHIPPED.package)
    bank, sources = catalog.bank, [table.source for table in catalog.sources if table.source]
    link = repository_link(repo_url) if repo_url is not None else _link_of_remote(root)
    files = _content(root, data, sources)
    texts = {_README: f"{link}\n"}
    if not bank.is_shipped:
        files |= _of_bank(bank)
        texts |= _naming(bank, files["Dockerfile"].read_text(encoding="utf-8"))
    content: Mapping[str, Path | str] = {**files, **texts}
    _check_out(out, files)
    with placed(out, "submission.zip") as target:
        _write(target, content)
        digest = hashlib.sha256(target.read_bytes()).hexdigest()
    return Package(str(out), out.stat().st_size, len(content), link, digest)


def repository_link(url: str) -> str:
    """The https link of a repository without its user, from an https or ssh URL or git@host:path."""
    scp = _SCP.fullmatch(url)
    host, path = (scp["host"], scp["path"]) if scp else _host_and_path(url)
    path = path.strip("/").removesuffix(".git")
    if not _HOST.fullmatch(host) or not _PATH.fullmatch(path):
        # The URL is not shown, because it may hold a password.
        raise BadInput(
            "--repo-url, or the git remote, is not a link to a repository; "
            "give one as https://github.com/owner/repository"
        )
    return f"https://{host}/{path}"


def _host_and_path(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port and parts.scheme in ("http", "https") else ""
    except ValueError:
        return "", ""
    if parts.scheme not in ("http", "https", "ssh", "git") or re.search(r"\s", url):
        return "", ""
    return f"{parts.hostname or ''}{port}", parts.path


def _link_of_remote(root: Path) -> str:
    remotes = _git(root, "remote").split() if _is_top_of_git(root) else []
    candidates = [name for name in remotes if name == "origin"] or remotes
    if len(candidates) != 1:
        problem = (
            f"there are {len(remotes)} git remotes and none is origin"
            if remotes
            else "there is no git remote"
        )
        raise BadInput(
            f"{_README} needs the link to the repository, and {problem}; "
            "give it as --repo-url https://github.com/owner/repository"
        )
    return repository_link(_git(root, "remote", "get-url", candidates[0]).strip())


def _is_top_of_git(root: Path) -> bool:
    """Whether the project is a git repository itself; if it is inside another one, it has no remote."""
    top = _git(root, "rev-parse", "--show-toplevel").strip()
    return bool(top) and Path(top).resolve() == root.resolve()


def _git(root: Path, *words: str) -> str:
    """The output of git; empty if there is no git or no repository."""
    env = {name: value for name, value in os.environ.items() if name not in _GIT_ELSEWHERE}
    try:
        done = subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, env=env)
    except FileNotFoundError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def _content(root: Path, data: Path, sources: Sequence[Source]) -> dict[str, Path]:
    """The content of the zip: name in the zip -> the file that it is read from."""
    missing = [name for name in (*_FILES, *_FOLDERS) if not (root / name).exists()]
    if missing:
        raise BadInput(f"package works in a checkout of the project; {root} has no {missing[0]}")
    files = [file for name in (*_FILES, *_FOLDERS) for file in _files(root / name)]
    return {file.relative_to(root).as_posix(): file for file in files} | {
        f"data/{name}": file for name, file in _raw_files(data, sources).items()
    }


def _of_bank(bank: Bank) -> dict[str, Path]:
    """The files of a bank's package under the path by which it is imported."""
    place = bank.package.replace(".", "/")
    if place.split("/")[0] in (*_FOLDERS, "data"):
        raise BadInput(
            f"the zip has a folder {place.split('/')[0]} already; rename that of the bank"
        )
    return {
        f"{place}/{file.relative_to(bank.folder).as_posix()}": file for file in _files(bank.folder)
    }


def _naming(bank: Bank, dockerfile: str) -> dict[str, str]:
    """A pyproject.toml that names the bank, and a Dockerfile that takes both into the image."""
    place = bank.package.replace(".", "/")
    copied = _COPIED.search(dockerfile)
    if copied is None:
        raise BadInput("Dockerfile has no line that copies lakehouse; put it back as it was")
    lines = [copied[0]]
    lines += [f"{copied[1]} {each}" for each in (f"{place} {place}", f"{PROJECT} ./")]
    project = f'# The bank that this project builds.\n[tool.lakehouse]\ntables = "{bank.package}"\n'
    return {PROJECT: project, "Dockerfile": dockerfile.replace(copied[0], "\n".join(lines), 1)}


def _files(path: Path) -> Iterator[Path]:
    """The file, or all files of a folder; BadInput for a link, which could lead out of the project."""
    if path.is_symlink():
        raise BadInput(f"{path} is a link; put the file itself there, or remove the link")
    if not path.is_dir():
        yield path
        return
    for child in path.iterdir():
        if not _is_left_out(child):
            yield from _files(child)


def _is_left_out(path: Path) -> bool:
    return path.name.startswith(".") or path.name in _LEFT_OUT or path.suffix in _SUFFIXES_LEFT_OUT


def _raw_files(data: Path, sources: Sequence[Source]) -> dict[str, Path]:
    """The files that `run` would read, by their names in the folder; they may be links."""
    inbox = Inbox(DataFolder(data), sources)
    listings = [inbox.listing(source) for source in sources]
    for refused in (each for listing in listings for each in listing.refused):
        raise BadInput(refused.why)
    files = {file.name: inbox.path(file) for listing in listings for file in listing.files}
    if not files:
        raise BadInput(
            f"{data} holds no raw file to pack; name the folder of the raw files with --data"
        )
    return files


def _check_out(out: Path, content: Mapping[str, Path]) -> None:
    if out.resolve() in {file.resolve() for file in content.values()}:
        raise BadInput(f"--out {out} is a file that goes into the zip; name another file")


def _write(target: Path, content: Mapping[str, Path | str]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, held in sorted(content.items()):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.external_attr, entry.create_system = _MODE, 3
            entry.compress_type = zipfile.ZIP_DEFLATED
            if isinstance(held, str):
                archive.writestr(entry, held)
                continue
            entry.file_size = held.stat().st_size
            with held.open("rb") as source, archive.open(entry, "w") as packed:
                shutil.copyfileobj(source, packed)

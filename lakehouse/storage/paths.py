"""Paths that engines can take: they read a path as a URL or a pattern, while a user means one folder."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from functools import cache
from pathlib import Path

from lakehouse.errors import BadInput
from lakehouse.storage.object_store import is_of_store

_NOT_LOOKED_INTO = ("_delta_log", "_work")
_NO_PATH = (errno.ENAMETOOLONG, errno.ELOOP)
_PLAIN = re.compile(r"[A-Za-z0-9_.+-]*")
# With these, delta-rs opens another folder, loses the history or panics; a link does not help.
_NOT_IN_DELTA = re.compile(r"[#?\x00-\x1f\x7f\[\]|^\\\ud800-\udfff]|%[0-9A-Fa-f]{2}")
# A drive of Windows has one letter. `Path` makes one slash out of two.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def why_no_path(text: str) -> str | None:
    """Why the text cannot be the path of a file or folder of this machine; None if it can."""
    if not text:
        return "names nothing"
    if _URL.match(text):
        return "is a URL; give a path of this machine (only --data and --datamart may be in an object store)"
    try:
        text.encode()
        Path(text).stat()
    except ValueError:
        return "is not a path in UTF-8"
    except OSError as error:
        return f"is not a path ({error.strerror})" if error.errno in _NO_PATH else None
    return None


def check_openable(root: Path) -> None:
    """Refuse a URL, and a folder with a path that Delta's library cannot open."""
    if _URL.match(str(root)):
        raise BadInput(
            f"datamart {root} is not a folder, and of object stores only s3a:// and az:// are supported; "
            "give another with --datamart"
        )
    whole = root.resolve()
    for name in whole.parts[1:]:
        strange = _NOT_IN_DELTA.search(name)
        if strange:
            raise BadInput(
                f"datamart {whole}: Delta's library cannot open a path with {strange[0]!r}; "
                "give another folder with --datamart"
            )


def check_no_links(root: Path) -> None:
    """Refuse a datamart in which a folder or lock is a link, because it would be written somewhere else."""
    for folder, folders, files in os.walk(root):
        link = next((n for n in (*folders, *files) if Path(folder, n).is_symlink()), None)
        if link:
            raise BadInput(
                f"datamart {root}: {Path(folder, link).relative_to(root)} is a link, and nothing outside a "
                "datamart is written; put the folder itself there, or make the whole datamart a link"
            )
        # Data files and commits always get new names, so no link can be in their place.
        folders[:] = [n for n in folders if "=" not in n and n not in _NOT_LOOKED_INTO]


def plain(path: str | Path) -> str:
    """Another path of the same file or folder, which no engine reads as a pattern or a URL.

    Only this process can use it. The URI of an object store stays as it is.
    """
    if is_of_store(str(path)):
        return str(path)
    whole = Path(path).resolve()
    odd = [folder for folder in (whole, *whole.parents) if not _PLAIN.fullmatch(folder.name)]
    return str(Path(_alias(odd[0]), whole.relative_to(odd[0]))) if odd else str(whole)


@cache
def _alias(folder: Path) -> str:
    """A link with a plain name to the folder; BadInput if there is no place for one."""
    link = Path(tempfile.mkdtemp(dir=aliases().name), "it")
    if not all(map(_PLAIN.fullmatch, link.parts[1:])):
        raise BadInput(
            f"{folder} needs a link with a plain name, and the folder for temporary files, "
            f"{aliases().name}, does not have one; set TMPDIR to a path of letters and digits"
        )
    link.symlink_to(folder, target_is_directory=True)
    return str(link)


@cache
def aliases() -> tempfile.TemporaryDirectory[str]:
    """A folder for links, which only this user can enter and which is removed with this process."""
    return tempfile.TemporaryDirectory(prefix="lakehouse-alias-")

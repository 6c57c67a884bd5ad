"""Paths as engines can take them: to them a path is a URL or a pattern, to us the name of a folder."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from functools import cache
from pathlib import Path

from lakehouse.errors import BadInput
from lakehouse.storage.s3 import is_of_store

_NOT_LOOKED_INTO = ("_delta_log", "_work")
_NO_PATH = (errno.ENAMETOOLONG, errno.ELOOP)
_PLAIN = re.compile(r"[A-Za-z0-9_.+-]*")
# delta-rs finds the folder behind any link, and then takes it for another one, loses its history or panics.
_NOT_IN_DELTA = re.compile(r"[#?\x00-\x1f\x7f\[\]|^\\\ud800-\udfff]|%[0-9A-Fa-f]{2}")
# A drive of Windows has one letter; `Path` has made one slash of two.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def why_no_path(text: str) -> str | None:
    """Why a text cannot be the path of a file or folder of this machine; None where it can."""
    if not text:
        return "names nothing"
    if _URL.match(text):
        return "is a URL; give a path of this machine (only --datamart may be s3a://bucket/prefix)"
    try:
        text.encode()
        Path(text).stat()
    except ValueError:
        return "is not a path in UTF-8"
    except OSError as error:
        return f"is not a path ({error.strerror})" if error.errno in _NO_PATH else None
    return None


def check_openable(root: Path) -> None:
    """Refuse a folder of tables in whose path is what Delta's library cannot open, or that is a URL."""
    if _URL.match(str(root)):
        raise BadInput(
            f"datamart {root} is not a folder, and of object stores only s3a://bucket/prefix is supported; "
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
    """Refuse a datamart in which a folder or lock is a link: what is written there is written elsewhere."""
    for folder, folders, files in os.walk(root):
        link = next((n for n in (*folders, *files) if Path(folder, n).is_symlink()), None)
        if link:
            raise BadInput(
                f"datamart {root}: {Path(folder, link).relative_to(root)} is a link, and nothing outside a "
                "datamart is written; put the folder itself there, or make the whole datamart a link"
            )
        # Names of data files and commits are chosen anew: no link can stand in their place.
        folders[:] = [n for n in folders if "=" not in n and n not in _NOT_LOOKED_INTO]


def plain(path: str | Path) -> str:
    """The same file or folder by a path in which no engine sees a pattern or a URL; of this process alone.

    What is in an object store has but one name.
    """
    if is_of_store(str(path)):
        return str(path)
    whole = Path(path).resolve()
    odd = [each for each in (whole, *whole.parents) if not _PLAIN.fullmatch(each.name)]
    return str(Path(_alias(odd[0]), whole.relative_to(odd[0]))) if odd else str(whole)


@cache
def _alias(folder: Path) -> str:
    """A link to the folder by a plain name; BadInput where there is no place for one."""
    link = Path(tempfile.mkdtemp(dir=_aliases().name), "it")
    if not all(map(_PLAIN.fullmatch, link.parts[1:])):
        raise BadInput(
            f"{folder} needs a link by a plain name, and the folder for temporary files, {_aliases().name}, "
            "has none; set TMPDIR to one of letters and digits"
        )
    link.symlink_to(folder, target_is_directory=True)
    return str(link)


@cache
def _aliases() -> tempfile.TemporaryDirectory[str]:
    """A folder for links that only this user can enter, and that goes with this process."""
    return tempfile.TemporaryDirectory(prefix="lakehouse-alias-")

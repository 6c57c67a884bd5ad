"""The folder of the raw files: what lies in it, each with a stamp, and each as a file of this machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from lakehouse.errors import BadInput
from lakehouse.storage import stamps

HIDDEN = (".", "_")


class Found(NamedTuple):
    """A file that was found, by its path within the data folder; a folder that is not walked ends in /.

    `why` says, in a whole sentence, that it cannot be read as a file.
    """

    name: str
    size: int = 0
    stamp: str = ""
    why: str = ""


class DataPlace(Protocol):
    """The place of raw files."""

    def found(self, walks: Callable[[str], bool]) -> list[Found]:
        """All that is not hidden at its top, and at any depth of the folders there that `walks` names.

        BadInput if it cannot be listed.
        """

    def on_this_machine(self, name: str, size: int, stamp: str) -> Path:
        """The file on this machine; BadInput if it is no longer the one that was found."""


@dataclass(frozen=True)
class DataFolder:
    """A folder of this machine with raw files; a `DataPlace`."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def found(self, walks: Callable[[str], bool]) -> list[Found]:
        try:
            if not self.path.is_dir():
                raise BadInput(f"there is no data folder {self}; name one that exists with --data")
            found: list[Found] = []
            _add(found, self.path, "", walks, ())
            return found
        except OSError as error:
            raise BadInput(
                f"{self} cannot be listed ({error.strerror}); give this user the right to do so, or name "
                "another folder with --data"
            ) from None

    def on_this_machine(self, name: str, size: int, stamp: str) -> Path:
        path = self.path / name
        with suppress(OSError):
            status = path.stat()
            if (status.st_size, _stamp(status)) == (size, stamp):
                return path
        raise BadInput(f"{name} changed after it was listed; run again once its delivery has ended")


def changed(name: str) -> BadInput:
    """The refusal of a file that is no longer the one that was listed."""
    return BadInput(f"{name} changed after it was listed; run again once its delivery has ended")


def _add(
    found: list[Found],
    folder: Path,
    within: str,
    walks: Callable[[str], bool],
    above: tuple[tuple[int, int], ...],
) -> None:
    """Add what is in a folder; a link that leads back to a folder above it adds nothing."""
    status = folder.stat()
    which = status.st_dev, status.st_ino
    if which in above:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(HIDDEN):
                continue
            name = within + entry.name
            if not _is_folder(entry):
                file = _file(entry, name)
                if file:
                    found.append(file)
            elif within or walks(entry.name):
                _add_folder(found, folder / entry.name, name, walks, (*above, which))
            else:
                found.append(Found(f"{name}/"))


def _add_folder(
    found: list[Found],
    folder: Path,
    name: str,
    walks: Callable[[str], bool],
    above: tuple[tuple[int, int], ...],
) -> None:
    try:
        _add(found, folder, f"{name}/", walks, above)
    except FileNotFoundError:
        return
    except OSError as error:
        why = f"{folder} cannot be listed ({error.strerror}); give this user the right to do so"
        found.append(Found(f"{name}/", why=why))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _file(entry: os.DirEntry[str], name: str) -> Found | None:
    """The file of that name; None if it is gone meanwhile, but a link to nowhere is a mistake."""
    try:
        status = entry.stat()
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not entry.is_symlink():
            return None
        why = f"{entry.path} cannot be read ({error.strerror}); put a file there that can"
        return Found(name, why=why)
    if not stat.S_ISREG(status.st_mode):
        why = f"{name} is a pipe or device, not a file; put the file in its place"
        return Found(name, why=why)
    return Found(name, status.st_size, _stamp(status))


def _stamp(status: os.stat_result) -> str:
    return stamps.of_file(status.st_ino, status.st_mtime_ns, status.st_ctime_ns)

"""A model of a disk that loses power: what processes did to files, replayed with unsynced work lost or torn.

The contents of a file are sure up to its last sync, and the names in a folder up to the last sync of that
folder. Anything later is on the disk or not, each write and each name by itself, in no order.
"""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

_HEAD = struct.Struct("<4siiii4xq")
_SOURCE = Path(__file__).with_name("recorder.c")
_EVERY_PAGE = 4096


def built_recorder(folder: Path) -> Path:
    """The library that records, compiled."""
    library = folder / "recorder.so"
    command = ["gcc", "-shared", "-fPIC", "-O2", "-o", library, _SOURCE, "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return library


@dataclass(frozen=True)
class Step:
    """Something that a process did: its letter in recorder.c, and what it was done to.

    `fd` is the process and its number for an open file.
    """

    what: str
    fd: tuple[int, int]
    number: int
    first: bytes
    second: bytes


def steps(record: bytes) -> list[Step]:
    """The steps of a record."""
    at, found = 0, []
    while at < len(record):
        what, process, fd, n, m, number = _HEAD.unpack_from(record, at)
        at += _HEAD.size
        found.append(
            Step(
                what[:1].decode(),
                (process, fd),
                number,
                record[at : at + n],
                record[at + n : at + n + m],
            )
        )
        at += n + m
    return found


@dataclass(eq=False)
class Node:
    """A file or folder: what is sure on the disk, and what is not synced yet."""

    is_folder: bool
    kept: Path | None = None  # the file that has the sure contents, while no sync has made others
    sure: bytearray | None = None
    unsynced: list[tuple[int, bytes] | int] = field(
        default_factory=list
    )  # a write, or a new length
    names: dict[str, Node] = field(default_factory=dict)  # the sure entries of a folder
    now: dict[str, Node] = field(default_factory=dict)  # the entries that the process sees


@dataclass(frozen=True)
class _Renaming:
    """Names that change at once: each a folder, a name in it, and what has the name then."""

    changes: tuple[tuple[Node, str, Node | None], ...]


class Disk:
    """A folder as it was, and what a process did to it since."""

    def __init__(self, before: Path, root: str) -> None:
        self._root = PurePosixPath(root)
        self._top = self._taken(before)
        self._open: dict[tuple[int, int], Node] = {}
        self._unsynced: list[_Renaming] = []

    def _taken(self, path: Path) -> Node:
        if not path.is_dir():
            return Node(False, kept=path)
        names = {entry.name: self._taken(entry) for entry in path.iterdir()}
        return Node(True, names=names, now=dict(names))

    def do(self, step: Step) -> None:
        """Do one more step."""
        getattr(self, f"_do_{step.what.lower()}")(step)

    def _at(self, path: bytes) -> tuple[Node, str]:
        """The folder of a path, and its name there."""
        parts = PurePosixPath(path.decode()).relative_to(self._root).parts
        folder = self._top
        for part in parts[:-1]:
            folder = folder.now[part]
        return folder, parts[-1] if parts else ""

    def _node(self, path: bytes) -> Node:
        folder, name = self._at(path)
        return folder.now[name] if name else folder

    def _rename(self, *changes: tuple[Node, str, Node | None]) -> None:
        for folder, name, node in changes:
            if node is None:
                folder.now.pop(name, None)
            else:
                folder.now[name] = node
        self._unsynced.append(_Renaming(changes))

    def _do_o(self, step: Step) -> None:
        folder, name = self._at(step.first)
        if name and name not in folder.now:
            self._rename((folder, name, Node(False, sure=bytearray())))
        elif step.number & os.O_TRUNC:
            folder.now[name].unsynced.append(0)
        self._open[step.fd] = folder.now[name] if name else folder

    def _do_c(self, step: Step) -> None:
        self._open.pop(step.fd, None)

    def _do_w(self, step: Step) -> None:
        self._open[step.fd].unsynced.append((step.number, step.first))

    def _do_t(self, step: Step) -> None:
        self._open[step.fd].unsynced.append(step.number)

    def _do_f(self, step: Step) -> None:
        node = self._open.get(step.fd)
        if node is None:
            return
        if not node.is_folder:
            if node.unsynced:
                node.sure, node.unsynced = _with(_contents(node), node.unsynced), []
            return
        later = []
        for renaming in self._unsynced:
            if any(folder is node for folder, _, _ in renaming.changes):
                _put(renaming)
            else:
                later.append(renaming)
        self._unsynced = later

    def _do_d(self, step: Step) -> None:
        folder, name = self._at(step.first)
        self._rename((folder, name, Node(True)))

    def _do_u(self, step: Step) -> None:
        self._rename((*self._at(step.first), None))

    def _do_r(self, step: Step) -> None:
        if not step.second:  # out of what is looked at
            self._rename((*self._at(step.first), None))
            return
        assert step.first, f"{step.second!r} came from elsewhere, and nobody knows what it holds"
        self._rename(
            (*self._at(step.second), self._node(step.first)), (*self._at(step.first), None)
        )

    def _do_l(self, step: Step) -> None:
        self._rename((*self._at(step.second), self._node(step.first)))

    def lose_power(self, chance: random.Random, to: Path) -> int:
        """Write what may be on the disk then, and say how much was lost; the disk cannot be used again."""
        lost = chance.choice([0.0, 0.05, 0.3, 0.7, 1.0])
        torn = chance.choice([0.0, 0.0, 0.3])
        luck = _Luck(chance, lost, torn)
        for renaming in self._unsynced:
            if not luck.is_lost():
                _put(renaming)
        _write(self._top, to, luck)
        return luck.losses


@dataclass
class _Luck:
    """How much of what is not synced is lost, and how much of the rest is torn; and what was, so far."""

    chance: random.Random
    lost: float
    torn: float
    losses: int = 0

    def is_lost(self) -> bool:
        is_lost = self.chance.random() < self.lost
        self.losses += is_lost
        return is_lost

    def of(self, writes: list[tuple[int, bytes] | int]) -> Iterator[tuple[int, bytes] | int]:
        for write in writes:
            if self.is_lost():
                continue
            if isinstance(write, int) or self.chance.random() >= self.torn:
                yield write
            else:
                self.losses += 1
                yield from self._torn(*write)

    def _torn(self, at: int, content: bytes) -> Iterator[tuple[int, bytes]]:
        """The first bytes of a write, or some of its pages."""
        if self.chance.random() < 0.5:
            yield at, content[: self.chance.randrange(len(content))]
            return
        for begin in range(0, len(content), _EVERY_PAGE):
            if self.chance.random() < 0.5:
                yield at + begin, content[begin : begin + _EVERY_PAGE]


def _put(renaming: _Renaming) -> None:
    for folder, name, node in renaming.changes:
        if node is None:
            folder.names.pop(name, None)
        else:
            folder.names[name] = node


def _contents(node: Node) -> bytearray:
    if node.sure is not None:
        return node.sure
    assert node.kept is not None
    return bytearray(node.kept.read_bytes())


def _with(content: bytearray, writes: list[tuple[int, bytes] | int]) -> bytearray:
    content = bytearray(content)
    for write in writes:
        if isinstance(write, int):
            content[write:] = bytes(max(write - len(content), 0))
            continue
        at, new = write
        content.extend(bytes(max(at - len(content), 0)))
        content[at : at + len(new)] = new
    return content


def _write(node: Node, to: Path, luck: _Luck) -> None:
    if node.is_folder:
        to.mkdir()
        for name, each in node.names.items():
            _write(each, to / name, luck)
    elif node.sure is None and not node.unsynced and node.kept:
        # Nobody writes into a file of a table again; any other one is copied.
        if node.kept.suffix in (".parquet", ".json"):
            os.link(node.kept, to)
        else:
            shutil.copy2(node.kept, to)
    else:
        to.write_bytes(_with(_contents(node), list(luck.of(node.unsynced))))

"""Closes the port of the embedded engine to all other processes.

Sail has neither a token nor a Unix socket, and anybody who can reach it has all rights of its user.
So its port is closed when the session has its connection, which lasts as long as the session.
"""

from __future__ import annotations

import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.errors import LakehouseError

# The files that this process has open; Windows has no such folder.
_OPEN_FILES = Path("/dev/fd")
Address = tuple[str, int]
_ESTABLISHED = 1  # a state of TCP


def close_to_others(address: Address) -> None:
    """Stop listening at the address; LakehouseError if another process has connected before.

    On Windows, which has no folder of open files, the port stays open.
    """
    for listener in _own_sockets():
        if listener.here == address and listener.there is None:
            _replace(listener.descriptor)
    sockets = _own_sockets()
    ours = {one.here for one in sockets if one.there == address}
    strangers = [
        one
        for one in sockets
        if one.here == address and one.there not in ours and _is_open(one.descriptor)
    ]
    for stranger in strangers:
        _cut(stranger.descriptor)
    if strangers:
        raise LakehouseError(
            "another process connected to the embedded engine while it started, and may have worked as "
            "this user; find out which one on this machine does that, then run again"
        )


@dataclass(frozen=True)
class _Socket:
    """An IP socket of this process: its own address, and that of the other end if it is connected."""

    descriptor: int
    here: Address
    there: Address | None


def _own_sockets() -> list[_Socket]:
    files = list(_OPEN_FILES.iterdir()) if _OPEN_FILES.is_dir() else []
    return [own for file in files if (own := _socket(int(file.name)))]


def _socket(descriptor: int) -> _Socket | None:
    """The socket of a descriptor; None if it is not an IP socket, or another thread has closed it."""
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return None
        with socket.socket(fileno=os.dup(descriptor)) as same:
            if same.family not in (socket.AF_INET, socket.AF_INET6):
                return None
            return _Socket(descriptor, _address(same.getsockname()), _peer(same))
    except OSError:
        return None


def _peer(connected: socket.socket) -> Address | None:
    try:
        return _address(connected.getpeername())
    except OSError:
        return None


def _address(name: tuple[Any, ...]) -> Address:
    """Host and port; gRPC reaches 127.0.0.1 with an IPv6 socket, whose name is ::ffff:127.0.0.1."""
    return name[0].removeprefix("::ffff:"), name[1]


def _is_open(descriptor: int) -> bool:
    """Whether the other end is still connected: on a busy machine gRPC gives up a try and makes another."""
    if not hasattr(socket, "TCP_INFO"):
        return True
    try:
        with socket.socket(fileno=os.dup(descriptor)) as same:
            return same.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _ESTABLISHED
    except OSError:
        return False


def _replace(descriptor: int) -> None:
    """Put an unused socket in its place: Sail keeps the descriptor, but nothing can connect to it."""
    with socket.socket() as unused:
        os.dup2(unused.fileno(), descriptor, inheritable=False)


def _cut(descriptor: int) -> None:
    with socket.socket(fileno=os.dup(descriptor)) as same:
        same.shutdown(socket.SHUT_RDWR)

"""What the embedded engine listens on, closed to all but this process.

Sail knows neither a token nor a Unix socket, and who reaches it reads, writes and runs what its user may.
So its port is closed once the session's own connection stands, which lasts as long as the session.
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
    """Stop listening there; LakehouseError where another process was connected by then.

    Without a folder of open files, as on Windows, it goes on listening.
    """
    for listener in _own_sockets():
        if listener.here == address and listener.there is None:
            _replace(listener.descriptor)
    sockets = _own_sockets()
    ours = {each.here for each in sockets if each.there == address}
    strangers = [
        each
        for each in sockets
        if each.here == address and each.there not in ours and _is_open(each.descriptor)
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
    """A socket of this process on IP: its own address, and that of the other end if it has one."""

    descriptor: int
    here: Address
    there: Address | None


def _own_sockets() -> list[_Socket]:
    files = list(_OPEN_FILES.iterdir()) if _OPEN_FILES.is_dir() else []
    return [found for file in files if (found := _socket(int(file.name)))]


def _socket(descriptor: int) -> _Socket | None:
    """What a descriptor is, if it is such a socket and no other thread has closed it meanwhile."""
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


def _address(told: tuple[Any, ...]) -> Address:
    """gRPC reaches 127.0.0.1 by a socket of IPv6, and calls it ::ffff:127.0.0.1."""
    return told[0].removeprefix("::ffff:"), told[1]


def _is_open(descriptor: int) -> bool:
    """Whether the other end is still there: on a busy machine gRPC gives an attempt up and makes another."""
    if not hasattr(socket, "TCP_INFO"):
        return True
    try:
        with socket.socket(fileno=os.dup(descriptor)) as same:
            return same.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _ESTABLISHED
    except OSError:
        return False


def _replace(descriptor: int) -> None:
    """Put an unused socket in its place: Sail goes on to hold the number, and hears nothing there."""
    with socket.socket() as unused:
        os.dup2(unused.fileno(), descriptor, inheritable=False)


def _cut(descriptor: int) -> None:
    with socket.socket(fileno=os.dup(descriptor)) as same:
        same.shutdown(socket.SHUT_RDWR)

"""Spark masters: whether a master is on this machine, and whether a remote one answers."""

from __future__ import annotations

import socket
from contextlib import suppress
from urllib.parse import urlsplit

from lakehouse.errors import BadInput, LakehouseError

_STANDALONE, _PORT = "spark://", 7077
_ANSWER_SECONDS = 5


def check_answers(master: str | None) -> None:
    """LakehouseError if no master of a standalone cluster answers; Spark would try for minutes."""
    if master is None or not master.startswith(_STANDALONE):
        return
    for host, port in _addresses(master):
        with suppress(OSError), socket.create_connection((host, port), _ANSWER_SECONDS):
            return
    raise LakehouseError(
        f"the Spark master {master} does not answer; start it, or name another with --master"
    )


def _addresses(master: str) -> list[tuple[str, int]]:
    """Host and port of each master of a standalone cluster; BadInput if the text does not name them."""
    try:
        urls = [urlsplit(f"//{host}") for host in master.removeprefix(_STANDALONE).split(",")]
        return [(url.hostname or "", url.port or _PORT) for url in urls]
    except ValueError:
        raise BadInput(f"{master} names no Spark master; write it as spark://host:7077") from None


def is_here(master: str | None) -> bool:
    """Whether all of Spark is on this machine; this includes a cluster on loopback."""
    if master is None or is_local(master):
        return True
    hosts = [host for host, _ in _addresses(master)] if master.startswith(_STANDALONE) else [""]
    return all(host == "localhost" or host.startswith("127.") for host in hosts)


def is_local(master: str | None) -> bool:
    """Whether Spark runs in local mode, without a cluster."""
    return master is None or master.startswith("local")

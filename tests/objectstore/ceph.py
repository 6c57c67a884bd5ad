"""A Ceph cluster of one machine, in memory, with its S3 gateway on loopback: radosgw of Debian's packages."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.objectstore.daemon import daemon, free_ports

PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
_STARTS_SECONDS = 120
# One copy of each object, in memory. All listen on loopback, and only the gateway asks for a key.
_CONF = """
[global]
fsid = {fsid}
mon host = v2:127.0.0.1:{monitor}
public addr = 127.0.0.1
ms bind ipv6 = false
ms mon client mode = crc
auth cluster required = none
auth service required = none
auth client required = none
mon data = {folder}/mon
mon allow pool size one = true
mon max pg per osd = 1000
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
run dir = {folder}
log file = {folder}/$name.log
admin socket = {folder}/$name.asok
rgw data = {folder}
rgw frontends = beast endpoint=127.0.0.1:{gateway}
rgw thread pool size = 64
"""


def lacking() -> list[str]:
    """The programs of Ceph that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


@contextmanager
def ceph(folder: Path, key: str, secret: str) -> Iterator[str]:
    """The URL of a gateway whose one user has this key; it is ready for requests."""
    fsid, osd = str(uuid.uuid4()), str(uuid.uuid4())
    monitor, gateway = free_ports(2)
    settings = {"fsid": fsid, "monitor": monitor, "gateway": gateway, "folder": folder}
    conf, monmap = folder / "ceph.conf", folder / "monmap"
    conf.write_text(_CONF.format(**settings), encoding="utf-8")
    (folder / "osd").mkdir()

    def do(*command: str | Path) -> None:
        _do([*command[:1], "-c", conf, *command[1:]])

    at = ["--addv", "a", f"[v2:127.0.0.1:{monitor}]"]
    _do(["monmaptool", "--create", *at, "--fsid", fsid, monmap])
    do("ceph-mon", "-i", "a", "--mkfs", "--monmap", monmap)
    with ExitStack() as daemons:
        daemons.enter_context(daemon(["ceph-mon", "-c", conf, "-i", "a", "-f"]))
        do("ceph", "osd", "new", osd)
        do("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        daemons.enter_context(daemon(["ceph-osd", "-c", conf, "-i", "0", "-f"]))
        user = ["--uid", "tests", "--display-name", "tests"]
        do(
            "radosgw-admin",
            "user",
            "create",
            *user,
            f"--access-key={key}",
            f"--secret-key={secret}",
        )
        rgw = ["radosgw", "-c", conf, "-n", "client.rgw", "-f"]
        daemons.enter_context(daemon(rgw, gateway))
        yield f"http://127.0.0.1:{gateway}"


def _do(command: Sequence[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_STARTS_SECONDS)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr}")

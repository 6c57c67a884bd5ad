"""Ports are open only on loopback, and no other process reaches the embedded engine."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import psutil
import pytest

from lakehouse.engines.listener import close_to_others
from lakehouse.errors import LakehouseError

ROOT = Path(__file__).parent.parent.parent
LOOPBACK = {"127.0.0.1"}
# What a process says when it may be looked at; it goes on when it is told so.
LOOK = "print('look', flush=True); input()"
EMBEDDED = f"""
from lakehouse.engines import embedded, sail
spark = embedded.session()
print(sail.SERVERS[0].listening_address[1])
{LOOK}
print(spark.range(3).count())
"""
LEFT_OPEN = f"""
from lakehouse.engines import embedded, sail
sail.close_to_others = lambda address: None
embedded.session()
{LOOK}
"""
SPARK = """
from lakehouse.engines.spark_session import start
spark = start({master!r})
spark.range(100).repartition(3).groupBy("id").count().collect()
"""
# As a child, so that the look must go down to it.
PLANTED = f"""
import subprocess, sys
code = "import socket; s = socket.create_server(({{host!r}}, 0)); print(flush=True); input()"
child = subprocess.Popen([sys.executable, "-c", code], stdout=-1, stdin=-1)
child.stdout.readline()
{LOOK}
"""
STRANGER = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as stranger:
    print("in", flush=True)
    print(stranger.recv(1))
"""


def listening(process: psutil.Process) -> set[str]:
    """The addresses that a process and all it started listen on."""
    found = set()
    for each in [process, *process.children(recursive=True)]:
        for connection in each.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN:
                found.add(_plain(connection.laddr.ip))
    return found


def _plain(host: str) -> str:
    """Java names an address of IPv4 as one of IPv6."""
    address = ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


@contextmanager
def started(*words: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Python with these words, from the project's folder, for as long as it is looked at."""
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        children = psutil.Process(process.pid).children(recursive=True) if _runs(process) else []
        for each in (process, *children):
            each.kill()
        process.communicate()


def _runs(process: subprocess.Popen[str]) -> bool:
    return process.poll() is None


def says(process: subprocess.Popen[str], wanted: str = "look") -> list[str]:
    """What a process prints up to the line that is waited for."""
    assert process.stdout is not None
    told = []
    for line in process.stdout:
        if re.match(wanted, line):
            return [*told, line]
        told.append(line.strip())
    raise AssertionError(f"it ended before {wanted!r}: {told}, {process.stderr}")


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_the_look_finds_what_a_child_listens_on(host: str) -> None:
    with started("-c", PLANTED.replace("{host!r}", repr(host))) as process:
        says(process)
        assert listening(psutil.Process(process.pid)) == {host}


def test_the_embedded_engine_listens_on_loopback_alone() -> None:
    with started("-c", LEFT_OPEN) as process:
        says(process)
        assert listening(psutil.Process(process.pid)) == LOOPBACK


def test_once_it_stands_nobody_else_reaches_it_and_it_works_on() -> None:
    with started("-c", EMBEDDED) as process:
        port = int(says(process)[0])
        assert listening(psutil.Process(process.pid)) == set()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        told, error = process.communicate("go on\n", timeout=60)
        assert (process.returncode, told) == (0, "3\n"), error


@pytest.mark.slow
def test_nothing_that_a_run_starts_listens_elsewhere(data: Path, tmp_path: Path) -> None:
    words = ["-m", "tests.reliability.narrow_main", "run", "--data", str(data)]
    with started(*words, "--datamart", str(tmp_path / "datamart"), "--json") as process:
        seen: set[str] = set()
        run = psutil.Process(process.pid)
        while _runs(process):
            try:
                seen |= listening(run)
            except psutil.NoSuchProcess:
                break
        told, error = process.communicate()
    assert json.loads(told)["release"] == 1, error
    assert seen <= LOOPBACK


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_closing_leaves_the_connection_of_this_process(server: socket.socket) -> None:
    address = server.getsockname()
    with socket.create_connection(address) as client, server.accept()[0] as accepted:
        close_to_others(address)
        client.sendall(b"still here")
        assert accepted.recv(64) == b"still here"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_who_came_in_first_is_cut_off_and_told_of(server: socket.socket) -> None:
    address = server.getsockname()
    with started("-c", STRANGER, str(address[1])) as stranger, server.accept()[0]:
        says(stranger, "in")
        with pytest.raises(LakehouseError, match="another process connected"):
            close_to_others(address)
        assert stranger.communicate(timeout=60)[0] == "b''\n"


def test_an_attempt_to_connect_that_was_given_up_is_nobody(server: socket.socket) -> None:
    address = server.getsockname()
    socket.create_connection(address).close()
    with server.accept()[0]:
        close_to_others(address)


@pytest.mark.slow
def test_jupyterlab_and_its_kernels_listen_on_loopback_alone() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    given = {"LAKEHOUSE_PORT": str(port), "LAKEHOUSE_TOKEN": "mine", "LAKEHOUSE_ADDRESS": ""}
    with started("notebooks/lab.py", **given) as process:
        says(process, "JupyterLab: ")
        kernels = Request(f"http://127.0.0.1:{port}/api/kernels?token=mine", data=b"{}")
        with build_opener(ProxyHandler({})).open(kernels) as answer:
            assert answer.status == 201
        lab = psutil.Process(process.pid)
        assert lab.children()
        assert listening(lab) == LOOPBACK


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.parametrize("master", [None, "local[2]"])
def test_spark_on_one_machine_listens_on_loopback_alone(master: str | None) -> None:
    with started("-c", SPARK.format(master=master) + LOOK) as process:
        says(process)
        found = psutil.Process(process.pid)
        assert any(each.name() == "java" for each in found.children(recursive=True))
        assert listening(found) == LOOPBACK

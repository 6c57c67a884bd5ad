"""A server of a test: it listens on loopback and ends with the test."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

# The first time uv downloads what it starts.
_STARTS_SECONDS = 180


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on."""
    with ExitStack() as held:
        servers = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in servers]


@contextmanager
def daemon(
    command: Sequence[str | Path], port: int | None = None, env: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Run a server while the block runs; the block begins once the server listens on the port."""
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env={**os.environ, **(env or {})}, **pipes) as process:
        try:
            if port is not None:
                _await(port, process)
            yield
        finally:
            process.terminate()


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    begun = time.monotonic()
    while process.poll() is None and time.monotonic() - begun < _STARTS_SECONDS:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.2)
    raise RuntimeError(f"{process.args} could not be installed or started")

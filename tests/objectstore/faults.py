"""A proxy between a program and a store that makes faults: it drops, delays, refuses, cuts, repeats."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import OK, PRECONDITION_FAILED, HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from random import Random
from threading import Lock, Thread
from typing import NamedTuple
from urllib.parse import urlsplit

# The faults of a network and of a busy store, and how often. After "answer lost" and "late 503" the store
# has done what was asked. A cut list ends a command at once, because the library asks no second time.
FAULTS = {
    "request lost": 4,
    "answer lost": 4,
    "delayed": 4,
    "500": 4,
    "503": 4,
    "late 503": 4,
    "repeated": 4,
    "cut": 0.2,
}
_DELAY_SECONDS = 0.5
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class _Answer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Faults(ThreadingHTTPServer):
    """The proxy. It passes all on until `disturb` is called; `made` counts the faults by kind."""

    daemon_threads = True
    # Many connections come at once.
    request_queue_size = 128

    def __init__(self, store_url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.store = urlsplit(store_url).netloc
        self.made: Counter[str] = Counter()
        # As a store does that takes If-None-Match and does not heed it.
        self.is_heedless = False
        # Called before each request with its path, and with the body of each answer.
        self.before: Callable[[str], None] = lambda _path: None
        self.seen: Callable[[bytes], bytes] = lambda body: body
        self._lock = Lock()
        self._next: Callable[[], str | None]
        self.calm()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def disturb(self, seed: int, share: float) -> None:
        """Make a fault of a random kind at this share of the requests from now on."""
        random = Random(seed)
        kinds, weights = [*FAULTS], [*FAULTS.values()]

        def next_fault() -> str | None:
            return random.choices(kinds, weights)[0] if random.random() < share else None

        self._next = next_fault

    def goes_away(self, kind: str, after_requests: int) -> None:
        """Make the same fault at every request after so many."""
        numbers = count()
        self._next = lambda: kind if next(numbers) >= after_requests else None

    def calm(self) -> None:
        """Pass all on."""
        self._next = lambda: None

    def fault(self) -> str | None:
        """The fault to make at this request; None to pass it on."""
        with self._lock:
            kind = self._next()
            self.made.update([kind] if kind else [])
            return kind

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a program that was killed leaves connections open."""


class _Handler(BaseHTTPRequestHandler):
    server: Faults
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.fault()
        if fault == "delayed":
            time.sleep(_DELAY_SECONDS)
        if fault == "request lost":
            self.close_connection = True
            return
        if fault in ("500", "503"):
            self._refuse(int(fault))
            return
        answer = self._asked(body)
        if fault == "repeated":
            answer = self._asked(body)
        if fault == "answer lost":
            self.close_connection = True
        elif fault == "late 503":
            self._refuse(503)
        else:
            self._give(answer, cut=fault == "cut")

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _handle  # noqa: N815

    def _asked(self, body: bytes) -> _Answer:
        self.server.before(self.path)
        connection = HTTPConnection(self.server.store)
        try:
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() != "expect":
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            response = connection.getresponse()
            status, headers = response.status, response.getheaders()
            if status == PRECONDITION_FAILED and self.server.is_heedless:
                return _Answer(OK, [("ETag", '"0"')], b"")
            return _Answer(status, headers, self.server.seen(response.read()))
        finally:
            connection.close()

    def _give(self, answer: _Answer, cut: bool = False) -> None:
        self.send_response_only(answer.status)
        length = str(len(answer.body))
        for name, value in answer.headers:
            if self.command == "HEAD" and name.lower() == "content-length":
                length = value
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if cut:
            self.close_connection = True
        self.wfile.write(answer.body[: len(answer.body) // 2] if cut else answer.body)

    def _refuse(self, status: int) -> None:
        self._give(_Answer(status, [], b""))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def faults(store_url: str) -> Iterator[Faults]:
    """A proxy before a store, while the block runs."""
    with Faults(store_url) as proxy:
        Thread(target=proxy.serve_forever, daemon=True).start()
        try:
            yield proxy
        finally:
            proxy.shutdown()

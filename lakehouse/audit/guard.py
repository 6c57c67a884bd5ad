"""A Python function that is watched while it runs: files, the network and other processes are refused.

Sent to Spark's workers by value, so this module imports nothing of this package. It sees what Python
itself opens (audit events of PEP 578), not what a library opens in its own machine code.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
import re
import sys
import threading
import zoneinfo
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_STATE = "_lakehouse_guard"
_TOLD = re.compile(r"<refused>(\[.*?\])</refused>")
_NETWORK = ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo")
_PROCESSES = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork")
_OF_PYTHON = (".py", ".pyc", ".so", ".pyd", ".dll", ".dylib")
_OF_THE_SYSTEM = ("/dev/null", "/dev/urandom", "/etc/localtime", "/proc/cpuinfo", "/proc/meminfo")


def watched(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function; PermissionError at its end if it tried to open anything, see `refused_in`."""
    name = name_of(function)

    def call(*arguments: Any, **named: Any) -> Any:
        results = watch(name, lambda: function(*arguments, **named))
        return _stepwise(name, results) if isinstance(results, Iterator) else results

    # PySpark counts the parameters of a function.
    call.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return call


def watch(name: str, work: Callable[[], Any]) -> Any:
    """The result of the work, refused as in `watched`."""
    state = _state()
    outer, state.refused = getattr(state, "refused", None), []
    try:
        return _answer(name, work, state)
    finally:
        state.refused = outer


def unwatched(work: Callable[[], Any]) -> Any:
    """The result of work that belongs to the engine, inside something that is watched."""
    state = _state()
    outer, state.refused = getattr(state, "refused", None), None
    try:
        return work()
    finally:
        state.refused = outer


def refused_in(error: str) -> tuple[str, str] | None:
    """The function of an engine's error and what it tried, if the error says so."""
    told = _TOLD.search(error)
    return tuple(json.loads(told[1])) if told else None


def name_of(function: Callable[..., Any]) -> str:
    """The name of a function, or of the one that is partly applied."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))


def _answer(name: str, work: Callable[[], Any], state: Any) -> Any:
    try:
        answer = work()
    except BaseException:
        if state.refused:
            raise _error(name, state.refused[0]) from None
        raise
    # A function that catches the refusal has tried as well.
    if state.refused:
        raise _error(name, state.refused[0])
    return answer


def _error(name: str, tried: str) -> PermissionError:
    return PermissionError(f"<refused>{json.dumps([name, tried])}</refused>")


def _stepwise(name: str, results: Iterator[Any]) -> Iterator[Any]:
    while True:
        try:
            result = watch(name, lambda: next(results))
        except StopIteration:
            return
        yield result


def _state() -> Any:
    """The refusals of each thread; None if nothing is watched there. One hook per process sees to it.

    A hook cannot be removed, so it costs one look at this state from then on.
    """
    new = threading.local()
    state = sys.__dict__.setdefault(_STATE, new)
    if state is new:
        sys.addaudithook(functools.partial(_refuse, state))
    return state


def _refuse(state: Any, event: str, arguments: tuple[Any, ...]) -> None:
    refused = getattr(state, "refused", None)
    if refused is None:
        return
    # A question that is asked here must not ask again.
    state.refused = None
    try:
        tried = _tried(event, arguments)
    finally:
        state.refused = refused
    if tried:
        refused.append(tried)
        raise PermissionError(f"it {tried}, which is refused during an audit")


def _tried(event: str, arguments: tuple[Any, ...]) -> str | None:
    if event in ("open", "sqlite3.connect") and not _is_of_python(arguments[0]):
        return f"opens {os.fsdecode(arguments[0])}"
    if event in _NETWORK:
        return "uses the network"
    return "starts a process" if event in _PROCESSES else None


def _is_of_python(path: Any) -> bool:
    if not isinstance(path, (str, bytes, os.PathLike)):
        return True  # a file that is open already
    file = Path(os.fsdecode(path)).resolve()
    is_code = file.suffix in _OF_PYTHON or "__pycache__" in file.parts
    return is_code or str(file) in _OF_THE_SYSTEM or any(map(file.is_relative_to, _folders()))


def _folders() -> Iterator[Path]:
    """The folders of Python and its packages, and of time zones."""
    packages = [path for path in sys.path if path.endswith("-packages")]
    yield Path(os.__file__).resolve().parent
    yield from (Path(folder).resolve() for folder in (*packages, *zoneinfo.TZPATH))

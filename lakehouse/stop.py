"""Ctrl-C and `kill`: one way to stop, whatever an engine makes of the interruption."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
from _thread import interrupt_main
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Timer, current_thread, main_thread
from types import FrameType
from typing import Any, NoReturn

from lakehouse.errors import causes

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_AGAIN_SECONDS = 0.01
# Python's own code for imports.
_IMPORTING = "<frozen importlib._bootstrap>"
_ENDS: list[Callable[[], None]] = []


class Stopped(BaseException):
    """A command was stopped by a signal; `exit_code` is that of the field, 128 + its number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise Stopped for SIGINT and SIGTERM, and for any error that one of them has caused on its way out."""
    told: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        told.append(number)
        # Whose call it cuts off may log that as an error of its own, as py4j does.
        logging.disable()
        if frame and frame.f_code.co_filename == _IMPORTING:
            # It holds the lock of all imports, would not release it, and other threads would wait for ever.
            _tell_again(number)
        else:
            raise KeyboardInterrupt

    def again(unraisable: sys.UnraisableHookArgs) -> None:
        # It came while Python tidied an object up, where what is raised is dropped.
        if told and isinstance(unraisable.exc_value, KeyboardInterrupt):
            _tell_again(told[-1])
        else:
            hook(unraisable)

    hook, sys.unraisablehook = sys.unraisablehook, again
    before = _handled(stop)
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        # DuckDB, Sail and delta-rs wrap an interruption in errors of their own.
        if told or _is_interruption(error):
            raise Stopped(told[0] if told else signal.SIGINT) from error
        raise
    finally:
        _restore(before)
        sys.unraisablehook = hook


def _tell_again(number: int) -> None:
    Timer(_AGAIN_SECONDS, interrupt_main, [number]).start()


@contextmanager
def unstoppable() -> Iterator[None]:
    """For work of a moment that must not be cut in two: a stop that is asked for meanwhile comes after it.

    Also where the work failed, as it may have by that very signal.
    """
    asked: list[int] = []
    before = _handled(lambda number, _frame: asked.append(number))
    try:
        yield
    finally:
        _restore(before)
        for number in asked[:1]:
            signal.raise_signal(number)


def before_leaving(end: Callable[[], None]) -> None:
    """Have it called before a stop ends this process: by what has begun a process of its own."""
    _ENDS.append(end)


def leave(code: int) -> NoReturn:
    """End the process; after a stop at once, as threads of an engine may wait for what was stopped."""
    if code - 128 in _SIGNALS:
        for end in _ENDS:
            end()
    else:
        atexit._run_exitfuncs()
    # Not sys.exit: taking Sail, pandas and the rest apart takes time, for nothing.
    os._exit(code if _flushed() else code or 1)


def _flushed() -> bool:
    """Whether what was printed has gone where it should; where its reader has left, nothing is owed."""
    try:
        # One that was closed by the shell is None.
        for stream in filter(None, (sys.stdout, sys.stderr)):
            with suppress(BrokenPipeError):
                stream.flush()
    except OSError:
        return False
    return True


def _handled(stop: Any) -> dict[int, Any]:
    """The handlers of before; none where this is not the main thread, which alone gets signals."""
    if current_thread() is not main_thread():
        return {}
    return {number: signal.signal(number, stop) for number in _SIGNALS}


def _restore(handlers: dict[int, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _is_interruption(error: BaseException) -> bool:
    """Whether an error is or came of Ctrl-C, for which PySpark has a handler of its own."""
    return any(isinstance(each, KeyboardInterrupt) for each in causes(error))

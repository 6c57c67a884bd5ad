"""Ctrl-C and `kill` stop a command in one way, whatever an engine does with the interruption."""

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
# The file name of Python's own code for imports.
_IMPORTING = "<frozen importlib._bootstrap>"
_ENDS: list[Callable[[], None]] = []


class Stopped(BaseException):
    """A command was stopped by the signal of that number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise Stopped for SIGINT and SIGTERM, and for any error that one of them has caused."""
    signals: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        signals.append(number)
        # A library whose call is cut off may log that as its own error, as py4j does.
        logging.disable()
        if frame and frame.f_code.co_filename == _IMPORTING:
            # An import holds a lock. If it were cut off here, other threads would wait for the lock for ever.
            _signal_again(number)
        else:
            raise KeyboardInterrupt

    def again(unraisable: sys.UnraisableHookArgs) -> None:
        # The signal came while Python removed an object. Python drops exceptions that are raised there.
        if signals and isinstance(unraisable.exc_value, KeyboardInterrupt):
            _signal_again(signals[-1])
        else:
            hook(unraisable)

    hook, sys.unraisablehook = sys.unraisablehook, again
    before = _handled(stop)
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        # DuckDB, Sail and delta-rs wrap an interruption in their own errors.
        if signals or _is_interruption(error):
            raise Stopped(signals[0] if signals else signal.SIGINT) from error
        raise
    finally:
        _restore(before)
        sys.unraisablehook = hook


def _signal_again(number: int) -> None:
    Timer(_AGAIN_SECONDS, interrupt_main, [number]).start()


@contextmanager
def unstoppable() -> Iterator[list[int]]:
    """Put off a stop until a short piece of work is done that must not be cut in two.

    The stop also comes if the work failed, because the same signal may have made it fail.
    Gives the signals that came meanwhile, for those that this process ignores.
    """
    asked: list[int] = []
    before = _handled(lambda number, _frame: asked.append(number))
    try:
        yield asked
    finally:
        _restore(before)
        for number in asked[:1]:
            signal.raise_signal(number)


def before_leaving(end: Callable[[], None]) -> None:
    """Register what is called before a stop ends this process, such as the end of a process it started."""
    _ENDS.append(end)


def leave(code: int) -> NoReturn:
    """End the process; after a stop at once, because threads of an engine may wait for stopped work."""
    if code - 128 in _SIGNALS:
        for end in _ENDS:
            end()
    else:
        atexit._run_exitfuncs()
    # Not sys.exit: it would spend time on unloading Sail, pandas and other libraries.
    os._exit(code if _flushed() else code or 1)


def _flushed() -> bool:
    """Whether all printed text was written; a reader that closed the pipe needs no more of it."""
    try:
        # A stream that the shell closed is None.
        for stream in filter(None, (sys.stdout, sys.stderr)):
            with suppress(BrokenPipeError):
                stream.flush()
    except OSError:
        return False
    return True


def _handled(stop: Any) -> dict[int, Any]:
    """Set the handler and return the earlier ones; empty outside the main thread, which gets all signals."""
    if current_thread() is not main_thread():
        return {}
    return {number: signal.signal(number, stop) for number in _SIGNALS}


def _restore(handlers: dict[int, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _is_interruption(error: BaseException) -> bool:
    """Whether Ctrl-C is the error or its cause; PySpark has its own handler for it."""
    return any(isinstance(cause, KeyboardInterrupt) for cause in causes(error))

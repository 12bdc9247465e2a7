"""SIGTERM and SIGHUP end a command as Ctrl-C does: with the report of what was seen, and nothing left behind.

Both are handed to whoever handles SIGINT, for which every command has its answer; what came first is remembered for the
exit code (128 and the signal's number, as shells say it). Whoever stops a job often sends several signals at once, to
the process and to its group: while the report is written, those that come within :data:`GRACE` of the first are the
same wish.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

GRACE = 0.2
"""Seconds."""
CTRL_C = 128 + signal.SIGINT
_came: list[int] = []
"""The first signal, where one came."""
_heard: list[float] = []
"""When it did, on ``time.monotonic``."""


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """Within the block SIGTERM and SIGHUP end this process as Ctrl-C does; ``nohup`` is left alone.

    In the background of a shell SIGINT is ignored: it is somebody else's Ctrl-C. It has a handler there all the same,
    since trio keeps an interrupt out of its own code only where it finds Python's (``trio/_core/_ki.py``). So SIGINT
    itself is held back, and the handler serves the other two.
    """
    ignored = (
        signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread()
    )
    if ignored:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    listen()
    try:
        yield
    finally:
        if ignored:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # first: it forgets one that was held back
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def listen() -> None:
    """Make SIGTERM and SIGHUP end this process as Ctrl-C does, wherever SIGINT has a handler."""
    _came.clear()
    _heard.clear()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            continue
        with contextlib.suppress(ValueError):  # not in the main thread: then they are somebody else's
            signal.signal(number, _as_ctrl_c)


def exit_code(code: int) -> int:
    """The exit code of a command, where 130 may stand for another signal."""
    return 128 + _came[0] if code == CTRL_C and _came else code


def hear() -> None:
    """The first signal was heard: what comes within :data:`GRACE` of now is the same wish."""
    _heard[:] = _heard or [time.monotonic()]


@contextlib.contextmanager
def one_wish() -> Iterator[None]:
    """While a run is ended, a second signal of the same wish does not end it once more.

    Whoever listened is gone before everything has ended (an import in a thread ends when it does), and hands on what
    came meanwhile. What came before anything was heard goes where it always went.
    """
    before = signal.getsignal(signal.SIGINT)

    def handle(number: int, frame: FrameType | None) -> None:
        if not _heard or time.monotonic() - _heard[0] > GRACE:
            assert callable(before)
            before(number, frame)

    if not callable(before):  # ignored, as in the background of a shell
        yield
        return
    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is handle:
            signal.signal(signal.SIGINT, before)


def patient() -> None:
    """From now on the report is written: further signals of the same wish do not cut it short."""
    hear()
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, _patiently)


def _as_ctrl_c(number: int, frame: FrameType | None) -> None:
    _came[:] = _came or [number]
    handle = signal.getsignal(signal.SIGINT)
    if callable(handle):
        handle(signal.SIGINT, frame)
    else:  # whoever runs netprobe in a process of his own took Python's handler away
        signal.raise_signal(signal.SIGINT)


def _patiently(number: int, frame: FrameType | None) -> None:
    if time.monotonic() - _heard[0] > GRACE:
        raise KeyboardInterrupt

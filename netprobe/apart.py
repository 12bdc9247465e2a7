"""Work on hostile bytes in a process of its own, within limits of memory, processor time and time on the clock.

An image may hold what no reader here foresaw: an expression that never ends, a database that makes gigabytes out of
nothing, a library's own fault. The limits are the kernel's (setrlimit(2)), so they hold in C code too, and what was
found before a limit was hit is not lost: the child sends every result as soon as it has it.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

import msgspec

from netprobe.errors import UsageError, printable

_LENGTH = 4
_LIBRARIES = 256 << 20
"""Address space that is mapped and mostly not resident, at most."""
_PAGE = resource.getpagesize()
_SPARE_SECONDS = 2
"""Between the processor time at which the child is told and that at which it is ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildLimits:
    """What the child may use.

    Attributes:
        memory: bytes of address space beyond what the process has already.
        cpu_seconds: processor time.
        wall_seconds: time on the clock.
    """

    memory: int
    cpu_seconds: int
    wall_seconds: float


class LimitError(Exception):
    """The child hit a limit, or was ended; the text is one clause."""


class ChildError(Exception):
    """A bug in the child; its own traceback is a note."""


class _Piece(msgspec.Struct, array_like=True, tag="piece"):
    data: bytes


class _Mistake(msgspec.Struct, array_like=True, tag="mistake"):
    value: str
    reason: str
    remedy: str


class _Bug(msgspec.Struct, array_like=True, tag="bug"):
    summary: str
    text: str


class _Limit(msgspec.Struct, array_like=True, tag="limit"):
    reason: str


_Message = _Piece | _Mistake | _Bug | _Limit
_decoder = msgspec.msgpack.Decoder(_Message)


def run(work: Callable[[], Iterator[bytes]], limits: ChildLimits) -> Iterator[bytes]:
    """Work in a child, and give each of its results as it comes.

    Args:
        work: gives the results; what it changes is lost.
        limits: what it may use.

    Raises:
        UsageError: the child met a mistake of the user's.
        LimitError: it hit a limit; the results before it were given.
        ChildError: it met a bug.
    """
    until = time.monotonic() + limits.wall_seconds
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _live(work, writing, limits)
    os.close(writing)
    status: int | None = None
    try:
        for message in _messages(reading, until, limits):
            if isinstance(message, _Piece):
                yield message.data
            elif isinstance(message, _Mistake):
                raise UsageError(message.value, message.reason, message.remedy)
            elif isinstance(message, _Limit):
                raise LimitError(message.reason)
            else:
                bug = ChildError(message.summary)
                bug.add_note(message.text)
                raise bug
        status = os.waitpid(pid, 0)[1]
    finally:
        os.close(reading)
        if status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGXCPU:
        raise LimitError(_cpu(limits))
    if code:
        raise LimitError(f"its process was ended by {signal.Signals(-code).name}" if code < 0 else "its process ended")


@contextlib.contextmanager
def within(cpu_seconds: float, over: Callable[[], Exception]) -> Iterator[None]:
    """Raise something where a part of the work takes more processor time than that; in the main thread only.

    Args:
        cpu_seconds: so much.
        over: makes what is raised.
    """

    def tell(number: int, frame: FrameType | None) -> None:
        raise over()

    before = signal.signal(signal.SIGPROF, tell)
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _cpu(limits: ChildLimits) -> str:
    return f"it takes more than {limits.cpu_seconds} s of processor time"


def _live(work: Callable[[], Iterator[bytes]], pipe: int, limits: ChildLimits) -> None:
    """The child's whole life; it never returns into what its parent was doing."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        _limit(limits)
        for data in work():
            _send(pipe, _Piece(data))
    except MemoryError:
        _send(pipe, _Limit(f"it takes more than {limits.memory >> 20} MiB of memory"))
    except UsageError as error:
        _send(pipe, _Mistake(error.value, error.reason, error.remedy))
    except BaseException as error:
        with contextlib.suppress(OSError):  # nobody listens any more: the parent is gone
            summary = printable(f"{type(error).__name__}: {error}")
            _send(pipe, _Bug(summary, "".join(traceback.format_exception(error))))
    finally:
        os._exit(0)


def _used() -> int:
    """The address space that this process has, in bytes; without /proc what is resident, and as much again."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[0]) * _PAGE
    except OSError:  # a chroot or container without /proc
        return 2 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + _LIBRARIES


def _limit(limits: ChildLimits) -> None:
    memory = _used() + limits.memory
    for which, value, spare in (
        (resource.RLIMIT_AS, memory, 0),
        (resource.RLIMIT_CPU, limits.cpu_seconds, _SPARE_SECONDS),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        _, hard = resource.getrlimit(which)
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (most, most + spare if hard == resource.RLIM_INFINITY else min(most + spare, hard)))


def _send(pipe: int, message: _Message) -> None:
    data = msgspec.msgpack.encode(message)
    left = memoryview(len(data).to_bytes(_LENGTH, "big") + data)
    while left:
        left = left[os.write(pipe, left) :]


def _messages(pipe: int, until: float, limits: ChildLimits) -> Iterator[_Message]:
    """The messages that come through a pipe, until its writer is gone.

    Raises:
        LimitError: the time is over.
    """
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    data = bytearray()
    while True:
        left = until - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise LimitError(f"it takes longer than {limits.wall_seconds:g} s")
        part = os.read(pipe, 1 << 16)
        if not part:
            return
        data += part
        while len(data) >= _LENGTH and len(data) >= (end := _LENGTH + int.from_bytes(data[:_LENGTH], "big")):
            yield _decoder.decode(bytes(data[_LENGTH:end]))
            del data[:end]

"""A child that works on hostile bytes: its results come through, its limits hold, and its bugs are told."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterator

import pytest

from netprobe import apart
from netprobe.apart import ChildError, ChildLimits, LimitError
from netprobe.errors import UsageError

ROOMY = ChildLimits(memory=1 << 30, cpu_seconds=30, wall_seconds=60.0)


def _gather(work: Iterator[bytes], limits: ChildLimits = ROOMY) -> tuple[list[bytes], str]:
    found = []
    try:
        for data in apart.run(lambda: work, limits):
            found.append(data)
    except LimitError as error:
        return found, str(error)
    return found, ""


def test_results_come_as_they_are_found() -> None:
    def work() -> Iterator[bytes]:
        yield b"one"
        yield b"x" * (1 << 20)

    assert _gather(work()) == ([b"one", b"x" * (1 << 20)], "")


def test_what_the_child_changes_is_lost() -> None:
    seen: list[int] = []

    def work() -> Iterator[bytes]:
        seen.append(os.getpid())
        yield b""

    _gather(work())
    assert seen == []


def test_memory_is_limited_and_what_was_found_stands() -> None:
    def work() -> Iterator[bytes]:
        yield b"before"
        yield bytes(2 << 30)

    assert _gather(work()) == ([b"before"], "it takes more than 1024 MiB of memory")


def test_processor_time_is_limited_in_c_code_too() -> None:
    def work() -> Iterator[bytes]:
        yield b"before"
        hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000_000)

    limits = ChildLimits(memory=1 << 30, cpu_seconds=1, wall_seconds=60.0)
    assert _gather(work(), limits) == ([b"before"], "it takes more than 1 s of processor time")


def test_time_on_the_clock_is_limited() -> None:
    def work() -> Iterator[bytes]:
        yield b"before"
        time.sleep(60)

    limits = ChildLimits(memory=1 << 30, cpu_seconds=30, wall_seconds=0.5)
    assert _gather(work(), limits) == ([b"before"], "it takes longer than 0.5 s")


def test_a_crash_is_told() -> None:
    def work() -> Iterator[bytes]:
        yield b"before"
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGSEGV)

    assert _gather(work()) == ([b"before"], "its process was ended by SIGSEGV")


def test_a_mistake_of_the_users_stays_one() -> None:
    def work() -> Iterator[bytes]:
        yield b"before"
        raise UsageError("a\x1bfile", "cannot be read", "give another")

    with pytest.raises(UsageError) as caught:
        _gather(work())
    assert str(caught.value) == r"a\x1bfile: cannot be read; give another"


def test_a_bug_brings_its_traceback() -> None:
    def work() -> Iterator[bytes]:
        yield b"before"
        raise ZeroDivisionError("here")

    with pytest.raises(ChildError, match="ZeroDivisionError: here") as caught:
        _gather(work())
    assert "in work" in caught.value.__notes__[0]


def test_no_child_is_left_where_nobody_wants_more() -> None:
    def work() -> Iterator[bytes]:
        while True:
            yield str(os.getpid()).encode()

    results = apart.run(work, ROOMY)
    pid = int(next(results))
    results.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_part_of_the_work_is_limited() -> None:
    def never_ending() -> None:
        with apart.within(0.2, lambda: TimeoutError("too long")):
            while True:
                pass

    with pytest.raises(TimeoutError, match="too long"):
        never_ending()
    with apart.within(5, lambda: TimeoutError("too long")):
        assert True

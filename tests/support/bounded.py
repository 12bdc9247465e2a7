"""Bounds on processor time and memory, for inputs that somebody chose to be expensive.

Processor time, not time on the clock: a machine that is busy with something else makes no test fail.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType


@contextlib.contextmanager
def within(*, cpu_seconds: float) -> Iterator[None]:
    """Fail what takes more processor time than that, in this process and its main thread."""

    def over(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"more than {cpu_seconds:g} s of processor time")

    before = signal.signal(signal.SIGPROF, over)
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a child ended.

    Attributes:
        returncode: negative: the signal that ended it.
        stdout: what it wrote.
        stderr: likewise.
        cpu_seconds: its own processor time and its children's.
        memory: the most that it or one child had in memory, in bytes.
    """

    returncode: int
    stdout: str
    stderr: str
    cpu_seconds: float
    memory: int


def run(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    cpu_seconds: int = 30,
    wall_seconds: float = 120,
) -> Ended:
    """Run a command that the kernel ends after so much processor time in one process, and measure it."""

    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=cwd, env=env, preexec_fn=limits
        )
        watch = signal.getsignal(signal.SIGALRM)
        try:
            signal.signal(signal.SIGALRM, lambda number, frame: child.kill())
            signal.setitimer(signal.ITIMER_REAL, wall_seconds)
            _, status, usage = os.wait4(child.pid, 0)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, watch)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return Ended(
            returncode=child.returncode,
            stdout=out.read().decode("utf-8", "surrogateescape"),
            stderr=err.read().decode("utf-8", "surrogateescape"),
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            memory=usage.ru_maxrss * 1024,
        )


def netprobe(
    *arguments: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    cpu_seconds: int = 30,
    wall_seconds: float = 120,
) -> Ended:
    """Run netprobe in such a child."""
    argv = [sys.executable, "-m", "netprobe", *map(str, arguments)]
    return run(argv, cwd=cwd, env=env, cpu_seconds=cpu_seconds, wall_seconds=wall_seconds)

"""Bounds on processor time and memory, for inputs that somebody chose to be expensive.

Processor time, not time on the clock: a machine that is busy with something else makes no test fail.
"""

from __future__ import annotations

import contextlib
import json
import os
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

    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        report = Path(folder, "usage.json")
        small = [sys.executable, "-I", "-S", "-c", _MEASURE, str(report), str(cpu_seconds), *map(str, argv)]
        child = subprocess.Popen(
            small, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=cwd, env=env, start_new_session=True
        )
        try:
            child.wait(timeout=wall_seconds)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        seen = json.loads(report.read_text()) if report.exists() else {"status": signal.SIGKILL, "cpu": 0, "kib": 0}
        out.seek(0)
        err.seek(0)
        return Ended(
            returncode=os.waitstatus_to_exitcode(seen["status"]),
            stdout=out.read().decode("utf-8", "surrogateescape"),
            stderr=err.read().decode("utf-8", "surrogateescape"),
            cpu_seconds=seen["cpu"],
            memory=seen["kib"] * 1024,
        )


_MEASURE = """
import json, os, resource, sys
report, seconds, argv = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
pid = os.fork()
if pid == 0:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.execvp(argv[0], argv)
_, status, usage = os.wait4(pid, 0)
with open(report, "w") as file:
    json.dump({"status": status, "cpu": usage.ru_utime + usage.ru_stime, "kib": usage.ru_maxrss}, file)
"""
"""Starts and measures the command. A process begins with the largest size of the one that made it (getrusage(2)), and
pytest's workers are larger than what is bounded here; this one is small."""


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

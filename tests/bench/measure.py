"""Run a program once and say what it cost: wall time, CPU of it and its children, largest memory, exit status."""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.bench.world import World, start

LONGEST = 180.0
_TIME = "/usr/bin/time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one run cost.

    Attributes:
        wall: seconds from start to end.
        cpu: user and system seconds, with children that were waited for and daemons that served it.
        memory: the largest resident set of one process of the program's, in MiB (see :func:`weighed`).
        status: the exit status.
    """

    wall: float
    cpu: float
    memory: float
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is run.

    Attributes:
        argv: the command.
        cwd: the folder that it runs in.
        daemon: a process that serves it and whose CPU counts too.
    """

    argv: Sequence[str]
    cwd: Path
    daemon: int | None = None


@dataclass(slots=True, kw_only=True)
class Row:
    """The costs of one program on one work."""

    work: str
    program: str
    costs: list[Cost] = field(default_factory=list)

    def median(self, what: str) -> float:
        """The median of one of a cost's figures."""
        return float(statistics.median(getattr(cost, what) for cost in self.costs))

    def document(self) -> dict[str, object]:
        """Every cost, for a file."""
        medians = {what: self.median(what) for what in ("wall", "cpu", "memory")}
        return {"work": self.work, "program": self.program, "median": medians, "costs": list(map(asdict, self.costs))}


def run(world: World, program: Program) -> Cost:
    """Run a program at the client, once; it is ended where it does not end by itself."""
    before = cpu_of(program.daemon)
    weight = world.folder / "weight"
    began = time.perf_counter()
    process = start(world, weighed(program.argv, weight), cwd=program.cwd, new_group=True)
    patience = threading.Timer(LONGEST, os.killpg, (process.pid, signal.SIGKILL))
    patience.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    patience.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime + cpu_of(program.daemon) - before,
        memory=read_weight(weight),
        status=process.returncode,
    )


def weighed(argv: Sequence[str], weight: Path) -> list[str]:
    """A command that runs another one and writes how much memory it took; it ends with the other's status.

    What ``wait4`` tells the bench of its own child is never less than the bench's own size. The child begins as a copy
    of the bench, or with vfork as a guest in its memory, and when it executes the program, Linux enters the largest
    size of what it leaves behind into the same account (``exec_mmap`` in fs/exec.c, ``setmax_mm_hiwater_rss``, Linux
    6.1, read 2026-11-29). So the program is started by something that is small itself: GNU time has 1 to 2 MiB.

    Args:
        argv: the program.
        weight: the file for :func:`read_weight`.
    """
    return [_TIME, "--quiet", "--format=%M", f"--output={weight}", "--", *argv]


def read_weight(weight: Path) -> float:
    """The largest resident set, in MiB, of the program and those that it waited for."""
    return int(weight.read_text(encoding="ascii")) / 1024


def told_and_done(world: World, program: Program, mark: bytes) -> tuple[float, float]:
    """Run a program once; the seconds until a line on its stderr begins with a mark, and until it ends.

    Raises:
        RuntimeError: no line did.
    """
    began = time.perf_counter()
    process = start(world, program.argv, cwd=program.cwd, notes=subprocess.PIPE)
    patience = threading.Timer(LONGEST, process.kill)
    patience.start()
    told = 0.0
    with process:
        for line in process.stderr or ():
            if line.startswith(mark) and not told:
                told = time.perf_counter() - began
    done = time.perf_counter() - began
    patience.cancel()
    if not told:
        raise RuntimeError(f"no line began with {mark.decode()}")
    return told, done


def alternate(world: World, work: str, programs: Mapping[str, Program], rounds: int) -> list[Row]:
    """Run every program once a round, so that what else the machine does falls on all of them alike."""
    rows = {name: Row(work=work, program=name) for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            rows[name].costs.append(run(world, program))
    return list(rows.values())


def compare(world: World, work: str, programs: dict[str, Program], rounds: int) -> list[Row]:
    """Measure, print, and hold everything against the second program (or the first, where it is alone)."""
    rows = alternate(world, work, programs, rounds)
    base = rows[min(1, len(rows) - 1)]
    for row in rows:
        wall, cpu = row.median("wall"), row.median("cpu")
        ratio = f"{wall / base.median('wall'):6.2f} {cpu / max(base.median('cpu'), 0.001):6.2f}"
        status = ",".join(sorted({str(cost.status) for cost in row.costs}))
        print(
            f"  {row.program:<28}{wall:8.3f} s {cpu:8.3f} s CPU {row.median('memory'):7.1f} MiB"
            f"  wall, CPU of {base.program}: {ratio}  exit {status}",
            flush=True,
        )
    return rows


def wait_for_port(address: str, port: int, within: float = 10.0) -> None:
    """Wait until something listens, in this thread's namespace."""
    deadline = time.monotonic() + within
    while True:
        try:
            socket.create_connection((address, port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def cpu_of(process: int | None) -> float:
    """User and system seconds of a process so far."""
    if process is None:
        return 0.0
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

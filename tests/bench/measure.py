"""Run a program once and say what it cost: wall time, CPU of it and its children, largest memory, exit status."""

from __future__ import annotations

import os
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one run cost.

    Attributes:
        wall: seconds from start to end.
        cpu: user and system seconds, with children that were waited for and daemons that served it.
        memory: the largest resident set of one process, in MiB; never less than the bench's own, from which it forks.
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
    before = _cpu_of(program.daemon)
    began = time.perf_counter()
    process = start(world, program.argv, cwd=program.cwd)
    patience = threading.Timer(LONGEST, process.kill)
    patience.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    patience.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime + _cpu_of(program.daemon) - before,
        memory=usage.ru_maxrss / 1024,
        status=process.returncode,
    )


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


def _cpu_of(process: int | None) -> float:
    if process is None:
        return 0.0
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

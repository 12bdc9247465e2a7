"""``netprobe fleet -`` over so many reports that no disk is asked to hold them: JSON lines through a pipe.

Ten thousand and a hundred thousand reports of 100 KB, each host once. Only netprobe's own CPU and memory count: the
lines come from a process beside it, which fills a named pipe.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

from tests.bench import measure, reports
from tests.bench.measure import Program, Row
from tests.bench.world import ENVIRONMENT, ROOT, World
from tests.support.fleets import encoded, machines

WORK = "fleet-lines"
NUMBERS = (10_000, 100_000)
_DISTINCT = 200
_NAME = b'"name":"@@@@@@@@@@"'


def run(made: World) -> list[Row]:
    """Measure both numbers, and print what a report costs at each."""
    rows = []
    for number in NUMBERS:
        pipe = made.folder / f"lines-{number}"
        os.mkfifo(pipe)
        beside = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.lines", str(pipe), str(number)], cwd=ROOT, env=ENVIRONMENT
        )
        argv = ("sh", "-c", 'exec "$@" < "$0"', str(pipe), sys.executable, "-m", "netprobe", "fleet", "-")
        program = Program(argv=(*argv, "-o", str(made.folder / "lines.txt")), cwd=made.folder)
        row = Row(work=f"{WORK}-{number}", program="netprobe fleet -")
        row.costs.append(measure.run(made, program))
        if beside.wait(timeout=60):
            raise RuntimeError("the lines were not written to their end")
        rows.append(row)
        cpu, memory = row.median("cpu"), row.median("memory")
        print(
            f"  {number:>7,} reports {row.median('wall'):8.2f} s wall, {cpu:8.2f} s CPU "
            f"({cpu / number * 1e6:.0f} us a report), {memory:7.1f} MiB ({memory / number * 1024:.1f} KiB a report)",
            flush=True,
        )
    return rows


def write(pipe: Path, number: int) -> None:
    """Write the reports of so many hosts, a line each."""
    texts = []
    for machine in machines(random.Random(1), _DISTINCT):
        machine.name = "@" * 10
        text = reports.padded(encoded(machine), reports.SIZE)
        assert text.count(_NAME) == 1
        texts.append(text.split(_NAME))
    with pipe.open("wb", buffering=1 << 20) as lines:
        for place in range(number):
            head, tail = texts[place % _DISTINCT]
            lines.write(b'%s"name":"host%06d"%s\n' % (head, place, tail))


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))

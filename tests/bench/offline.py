"""Works of the bench that need no network of their own: logs, captures, images, reports, and a binary's start."""

from __future__ import annotations

import os
import shutil
import struct
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.bench import image_tar, reports
from tests.bench.measure import Program, Row, compare
from tests.bench.world import World

NETPROBE = (sys.executable, "-m", "netprobe")
AUDITED = 500_000
"""Lines of the log that is audited, some 55 MB."""
TIMES = 18
"""How many of those logs are a gigabyte."""
OBSERVED = 300_000
"""Packets of the capture that is observed."""
FLEETS = (1000, 10_000)
"""Reports in a folder; 10,000 are a gigabyte."""
_FEW = 3
"""The most rounds of works that take long."""
_ASKED = ("ecs", "ecs-a-7", "ecs-t-12", "ssm", "ssmmessages", "api.ecr", "logs", "monitoring", "sqs", "s3")
ONE_FILE = "NETPROBE_ONE_FILE"
"""The environment variable that names the binary (``tests/release/run`` builds it)."""


def audit(made: World, rounds: int) -> list[Row]:
    """A log of Squid's, from a file and through a pipe: lines a second, and how much memory a longer one would take."""
    log = _log(made, 1)
    argv = (*NETPROBE, "audit", "-r", "us-east-2", "-o", os.devnull)
    piped = ("sh", "-c", 'cat "$0" | "$@"', str(log), *argv, "-")
    programs = {
        "netprobe, a file": Program(argv=(*argv, str(log)), cwd=made.folder),
        "netprobe, a pipe": Program(argv=piped, cwd=made.folder),
    }
    rows = compare(made, "audit", programs, rounds)
    _tell_pace(rows, AUDITED, "lines")
    return rows


def audit_gigabyte(made: World, rounds: int) -> list[Row]:
    """A log of a gigabyte, once: lines a second, in the memory that a small one takes."""
    log = _log(made, TIMES)
    argv = (*NETPROBE, "audit", "-r", "us-east-2", "-o", os.devnull, str(log))
    try:
        rows = compare(made, "audit-1gb", {"netprobe audit": Program(argv=argv, cwd=made.folder)}, min(rounds, 1))
    finally:
        log.unlink()
    _tell_pace(rows, TIMES * AUDITED, "lines")
    return rows


def _log(made: World, times: int) -> Path:
    """A log of Squid's, as often behind itself."""
    lines = (
        f"{1700000000 + number / 100:.3f} {number % 900} 10.{number % 256}.{number % 250}.7 TCP_TUNNEL/200 "
        f"{3000 + number % 9000} CONNECT {_ASKED[number % len(_ASKED)]}.us-east-2.amazonaws.com:443 - "
        f"HIER_DIRECT/198.51.100.{number % 250} -\n"
        for number in range(AUDITED)
    )
    text = "".join(lines).encode("ascii")
    log = made.folder / "access.log"
    with log.open("wb") as file:
        for _ in range(times):
            file.write(text)
    return log


def observe(made: World, rounds: int) -> list[Row]:
    """A capture of DNS answers, ClientHellos and plain segments: packets a second."""
    from tests.bench.capture import frames  # late: scapy

    kinds = frames()
    capture = made.folder / "bench.pcap"
    with capture.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number in range(OBSERVED):
            frame = kinds[number % len(kinds)]
            file.write(struct.pack("<IIII", number, 0, len(frame), len(frame)) + frame)
    argv = (*NETPROBE, "observe", str(capture), "-o", os.devnull)
    rows = compare(made, "observe", {"netprobe observe": Program(argv=argv, cwd=made.folder)}, rounds)
    _tell_pace(rows, OBSERVED, "packets")
    capture.unlink()
    return rows


def image(made: World, rounds: int) -> list[Row]:
    """An image's root of 2 GB as a tar."""
    archive = made.folder / "root.tar"
    image_tar.make(archive)
    argv = (*NETPROBE, "image", str(archive), "-o", os.devnull)
    try:
        return compare(made, "image", {"netprobe image": Program(argv=argv, cwd=made.folder)}, min(rounds, _FEW))
    finally:
        archive.unlink()


def fleet(made: World, rounds: int) -> list[Row]:
    """``netprobe fleet`` over folders of reports of 100 KB, out of the page cache; 10,000 at most 3 s and 150 MiB."""
    rows: list[Row] = []
    for number in FLEETS:
        folder = reports.write(made.folder / "reports", number)
        argv = (*NETPROBE, "fleet", str(folder), "-o", str(made.folder / "fleet.txt"))
        programs = {"netprobe fleet": Program(argv=argv, cwd=made.folder)}
        try:
            rows += compare(made, f"fleet-{number}", programs, min(rounds, _FEW))
        finally:
            shutil.rmtree(folder)
    return rows


def one_file(made: World, rounds: int) -> list[Row]:
    """The start of the binary that brings its own interpreter, beside that of this environment."""
    binary = os.environ.get(ONE_FILE, "")
    if not binary or not Path(binary).is_file():
        print(f"  not measured: {ONE_FILE} names no binary (tests/release/run builds one)")
        return []
    programs = {
        "one file --version": Program(argv=(str(Path(binary).resolve()), "--version"), cwd=made.folder),
        "installed --version": Program(argv=(*NETPROBE, "--version"), cwd=made.folder),
    }
    return compare(made, "binary", programs, rounds)


WORKS: Mapping[str, Callable[[World, int], list[Row]]] = {
    "audit": audit,
    "audit-1gb": audit_gigabyte,
    "observe": observe,
    "image": image,
    "fleet": fleet,
    "binary": one_file,
}


def _tell_pace(rows: list[Row], count: int, what: str) -> None:
    for row in rows:
        seconds, busy = count / row.median("wall"), count / row.median("cpu")
        print(f"  {row.program:<28}{seconds:10,.0f} {what} a second, {busy:,.0f} a CPU second", flush=True)

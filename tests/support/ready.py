"""A process that has imported netprobe, and becomes one command after the other.

A test that asks what a command says and how it ends starts a process for it, and most of what that costs is imports:
in a whole run, of the same modules a thousand times over. So each worker of pytest has one process that imports them
once and then forks: the fork takes the environment, the folder and the streams of its command, and from there on runs
what ``python -m netprobe`` runs, to its own end. How a start itself goes (what it imports, and how long that takes) is
asked of real starts: ``tests/test_layers.py``, ``tests/test_budget.py``.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import io
import json
import os
import pkgutil
import random
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
MOST = 150_000
"""Bytes of a request; with more to say a command is started as any other."""
AT_THE_START = ("PYTHON", "LC_", "LANG", "MALLOC_", "LD_")
"""What the interpreter reads before it runs anything."""


class Became(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


class Ready:
    """The process, asked by its worker."""

    def __init__(self) -> None:
        """Start it; it imports while the first request waits."""
        self._mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._started = {name: value for name, value in os.environ.items() if name.startswith(AT_THE_START)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.ready", str(theirs.fileno())],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        theirs.close()
        atexit.register(self._end)

    def _end(self) -> None:
        self._mine.close()
        self._process.wait(timeout=30)

    def can(self, request: bytes, env: Mapping[str, str]) -> bool:
        """Whether it can become that command."""
        asked = {name: value for name, value in env.items() if name.startswith(AT_THE_START) and name != "PYTHONPATH"}
        own = {name: value for name, value in self._started.items() if name != "PYTHONPATH"}
        return asked == own and len(request) < MOST

    def become(self, request: bytes, argv: Sequence[str], timeout: float, errors: str) -> Became:
        """Run a command.

        Raises:
            subprocess.TimeoutExpired: it did not end; it is killed.
        """
        streams = [os.pipe(), os.pipe()]
        socket.send_fds(self._mine, [request], [writing for _, writing in streams])
        for _, writing in streams:
            os.close(writing)
        self._mine.settimeout(timeout + 60)  # the first request waits for the imports as well
        pid = int(self._mine.recv(100))
        try:
            told = _read_all(*(reading for reading, _ in streams), timeout=timeout)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            self._mine.recv(100)
            raise subprocess.TimeoutExpired(list(argv), timeout) from None
        finally:
            for reading, _ in streams:
                os.close(reading)
        status = int(self._mine.recv(100))  # before anything can go wrong here, or the next command would read it
        out, err = (io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", errors=errors).read() for data in told)
        return Became(os.waitstatus_to_exitcode(status), out, err)


def _read_all(*pipes: int, timeout: float) -> list[bytearray]:
    """What stands in some pipes, read side by side until nobody can write there any more.

    Raises:
        TimeoutError: somebody still can.
    """
    told = {pipe: bytearray() for pipe in pipes}
    end = time.monotonic() + timeout
    with selectors.DefaultSelector() as waiting:
        for pipe in pipes:
            waiting.register(pipe, selectors.EVENT_READ)
        while waiting.get_map():
            readable = waiting.select(max(0.0, end - time.monotonic()))
            if not readable:
                raise TimeoutError
            for key, _ in readable:
                data = os.read(key.fd, 1 << 16)
                told[key.fd] += data
                if not data:
                    waiting.unregister(key.fd)
    return list(told.values())


@functools.cache
def _ready() -> Ready:
    return Ready()


def run(
    arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float, errors: str = "strict"
) -> Became | None:
    """Run ``netprobe`` with these arguments; None where that takes a process that is started for it.

    Raises:
        subprocess.TimeoutExpired: it did not end in time.
    """
    request = json.dumps({"arguments": list(arguments), "cwd": str(cwd), "env": dict(env)}).encode()
    ready = _ready()
    return ready.become(request, ["netprobe", *arguments], timeout, errors) if ready.can(request, env) else None


def _import() -> None:
    """What commands import; what only a few of them do is left to these."""
    from netprobe.cli.commands import COMMANDS
    from netprobe.probes import certificates
    from netprobe.report import formats

    for name in (
        *(f"netprobe.cli.{command.module}" for command in COMMANDS.values()),
        *(one.name for one in pkgutil.iter_modules(formats.__path__, f"{formats.__name__}.")),
        *("netprobe.checking.perform", "netprobe.probes.spread", "netprobe.diagnosis", "netprobe.lab.network"),
    ):
        importlib.import_module(name)
    certificates.prepare()


def _serve(asked: socket.socket) -> None:
    """Fork for one request after the other, until nobody asks any more."""
    while True:
        request, streams, _, _ = socket.recv_fds(asked, MOST, 2)
        if not request:
            return
        pid = os.fork()
        if pid == 0:
            asked.close()
            _become(json.loads(request), *streams)
        for stream in streams:
            os.close(stream)
        asked.send(str(pid).encode())
        asked.send(str(os.waitpid(pid, 0)[1]).encode())


def _become(request: dict[str, object], out: int, err: int) -> None:
    """Be the command; what it raises at its end ends this process, as it would end one of its own."""
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    os.environ.clear()
    os.environ.update(request["env"])  # type: ignore[call-overload]
    time.tzset()
    tempfile.tempdir = None
    random.seed()
    os.chdir(str(request["cwd"]))
    sys.argv = ["netprobe", *request["arguments"]]  # type: ignore[misc]
    runpy.run_module("netprobe", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _import()
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        _serve(asked)

"""Start a real engine where it can reach nothing but loopback, and stop it by its own process id.

As root an engine gets a network namespace of its own (unnamed, so nothing is left behind) that holds loopback and
whatever the test adds; a test process joins it in a thread, since a namespace belongs to a thread. So a port can be
fixed inside, and tests can run beside each other. Everything waits with a limit.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from tests.support import need

T = TypeVar("T")
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """A network namespace with loopback up, held open by a sleeping process."""

    def __init__(self) -> None:
        need.root()
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "ip link set lo up && echo ready && exec sleep 600"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "ready\n":
            self.close()
            raise RuntimeError("no network namespace could be made")

    @property
    def pid(self) -> int:
        """The process that holds it open."""
        return self._holder.pid

    def command(self, *argv: str) -> list[str]:
        """The argument vector that runs ``argv`` inside."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--", *argv]

    def run(self, *argv: str, input: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command inside and wait for it."""
        done = subprocess.run(self.command(*argv), input=input, capture_output=True, text=True, timeout=60, check=False)
        if check and done.returncode:
            raise AssertionError(f"{argv}: {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def call(self, function: Callable[[], T]) -> T:
        """Call a function in a thread that has joined the namespace, so that its sockets are inside."""
        result: list[T] = []
        trouble: list[BaseException] = []

        def inside() -> None:
            try:
                with open(f"/proc/{self.pid}/ns/net", "rb") as handle:
                    if _libc.setns(handle.fileno(), _CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                result.append(function())
            except BaseException as exc:
                trouble.append(exc)

        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        if trouble:
            raise trouble[0]
        return result[0]

    def close(self) -> None:
        """End the holder; the kernel takes the namespace away with its last process."""
        self._holder.kill()
        self._holder.wait()
        if self._holder.stdout is not None:
            self._holder.stdout.close()


@contextlib.contextmanager
def namespace() -> Iterator[Namespace]:
    """A network namespace for the length of a test."""
    made = Namespace()
    try:
        yield made
    finally:
        made.close()


def cable(near: Namespace, far: Namespace) -> None:
    """Join two namespaces; ``near`` reaches all through ``far``, which takes every documentation address as its own.

    So ``far`` stands for the Internet: whoever listens there on a wildcard address answers at 192.0.2.0/24,
    198.51.100.0/24, 203.0.113.0/24 (RFC 5737) and 2001:db8::/32 (RFC 3849).
    """
    far.run("ip", "link", "add", "np0", "type", "veth", "peer", "name", "np1", "netns", str(near.pid))
    for space, device, last in ((far, "np0", 1), (near, "np1", 2)):
        space.run("ip", "address", "add", f"10.99.0.{last}/30", "dev", device)
        space.run("ip", "address", "add", f"fd99::{last}/64", "dev", device, "nodad")
        space.run("ip", "link", "set", device, "up")
    near.run("ip", "route", "add", "default", "via", "10.99.0.1")
    near.run("ip", "-6", "route", "add", "default", "via", "fd99::1")
    for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"):
        far.run("ip", "route", "add", "local", network, "dev", "lo")
    far.run("ip", "-6", "route", "add", "local", "2001:db8::/32", "dev", "lo")


@contextlib.contextmanager
def listeners(space: Namespace, ports: Sequence[int]) -> Iterator[None]:
    """Listen on every address of a namespace; the kernel completes connections, nobody needs to accept them."""

    def open_all() -> list[socket.socket]:
        return [
            socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=4096)
            for port in ports
        ]

    opened = space.call(open_all)
    try:
        yield
    finally:
        for sock in opened:
            sock.close()


def connects(address: str, port: int) -> bool:
    """Whether a TCP connection opens (call it inside a namespace); a refusal is a no, silence is an error."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as sock:
        sock.settimeout(5)
        try:
            sock.connect((address, port))
        except (ConnectionRefusedError, PermissionError):
            return False
        return True


def as_user(path: Path, user: str) -> None:
    """Give a folder and all that is in it to an engine's own user (root only)."""
    entry = pwd.getpwnam(user)
    for item in (path, *path.rglob("*")):
        os.chown(item, entry.pw_uid, entry.pw_gid)
    for parent in path.parents:
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)


@contextlib.contextmanager
def engine(
    argv: Sequence[str],
    *,
    space: Namespace,
    ready: Callable[[], bool],
    log: Path,
    env: Mapping[str, str] | None = None,
    limit: float = 20.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run an engine in the foreground until the block ends.

    Args:
        argv: the command; it must not put itself into the background.
        space: where its sockets live.
        ready: asked inside the namespace until it says yes.
        log: where its output goes; shown when it does not get ready.
        env: added to the environment.
        limit: seconds to wait for ``ready``.
    """
    with log.open("wb") as out:
        process = subprocess.Popen(
            space.command(*argv),
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
        try:
            _wait(process, lambda: space.call(ready), log, limit)
            yield process
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children (it leads a session of its own), first politely."""
    for number, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(patience)
            break
        except subprocess.TimeoutExpired:
            continue
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _wait(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path, limit: float) -> None:
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(
                f"the engine ended with {process.returncode}: {log.read_text(errors='replace')[-4000:]}"
            )
        if ready():
            return
        time.sleep(0.05)
    raise AssertionError(f"the engine was not ready within {limit} s: {log.read_text(errors='replace')[-4000:]}")


def until(condition: Callable[[], bool], limit: float = 20.0) -> None:
    """Wait until something holds, at most ``limit`` seconds."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"it did not come to hold within {limit} s"
        time.sleep(0.02)


def listens(port: int, address: str = "127.0.0.1") -> Callable[[], bool]:
    """A ``ready`` that asks whether a TCP port takes connections."""

    def ask() -> bool:
        with socket.socket() as sock:
            sock.settimeout(1)
            return sock.connect_ex((address, port)) == 0

    return ask

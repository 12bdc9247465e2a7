"""What is beyond a firewall: port 443 takes connections, port 53 answers datagrams; and how to ask for both."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

from tests.support.netns import Namespace


@contextlib.contextmanager
def answering(space: Namespace, family: socket.AddressFamily = socket.AF_INET) -> Iterator[None]:
    """Take connections to port 443 of a namespace and answer every datagram to its port 53."""
    with space.entered():
        listener = socket.create_server(("", 443), family=family, backlog=128)
        names = socket.socket(family, socket.SOCK_DGRAM)
        names.bind(("", 53))
    names.settimeout(0.2)
    ended = threading.Event()

    def answer() -> None:
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                _, asker = names.recvfrom(64)
                names.sendto(b"!", asker)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(5)
        listener.close()
        names.close()


def opens(space: Namespace, address: str, port: int = 443, within: float = 0.5) -> bool:
    """Whether a connection from a namespace comes to be, within so many seconds."""
    with _socket(space, address, socket.SOCK_STREAM) as stream:
        stream.settimeout(within)
        with contextlib.suppress(OSError):
            stream.connect((address, port))
            return True
    return False


def is_answered(space: Namespace, address: str, within: float = 0.5) -> bool:
    """Whether a datagram from a namespace to port 53 is answered, within so many seconds."""
    with _socket(space, address, socket.SOCK_DGRAM) as datagram:
        datagram.settimeout(within)
        with contextlib.suppress(OSError):
            datagram.sendto(b"?", (address, 53))
            return datagram.recv(8) == b"!"
    return False


def _socket(space: Namespace, address: str, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with space.entered():
        return socket.socket(family, kind)

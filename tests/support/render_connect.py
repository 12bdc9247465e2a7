"""Ask an explicit proxy whether it lets a CONNECT through its rules."""

from __future__ import annotations

import socket
from collections.abc import Iterable

_NO_WAY_OUT = {404, 500, 502, 503, 504}
"""How proxies say that a name does not resolve or cannot be reached: the rules had let it through."""


def allowed(name: str, port: int, proxy: int) -> bool:
    """Whether the rules let ``CONNECT name:port`` through: 403 means no, any trouble with the way out means yes."""
    status = answer(f"CONNECT {name}:{port} HTTP/1.1\r\nHost: {name}:{port}\r\n\r\n".encode(), proxy)
    assert status == 403 or status in _NO_WAY_OUT, (name, port, status)
    return status != 403


def answer(request: bytes, proxy: int) -> int:
    """The status of a proxy's answer."""
    with socket.create_connection(("127.0.0.1", proxy), timeout=10) as sock:
        sock.settimeout(20)
        sock.sendall(request)
        return int(sock.recv(4096).split(b"\r\n")[0].split()[1])


def decide(questions: Iterable[tuple[str, int]], proxy: int) -> dict[tuple[str, int], bool]:
    """The proxy's decision for each name and port."""
    return {(name, port): allowed(name, port, proxy) for name, port in questions}

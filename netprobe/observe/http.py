"""The host of a plain HTTP/1 request: the target of CONNECT, else the Host header (RFC 9112 sections 3.2 and 3.2.2)."""

from __future__ import annotations

import re
from typing import NamedTuple

from netprobe.errors import UsageError
from netprobe.hostnames import Hostname

MAX_HEAD = 8192
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})\b")
_METHODS = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"OPTIONS ", b"DELETE ", b"PATCH ", b"CONNECT ")


class PlainRequest(NamedTuple):
    """What a request names.

    Attributes:
        method: ``connect`` or ``host``.
        host: the name, or None where it is an address or no host name.
        port: the port of a CONNECT, else None.
    """

    method: str
    host: str | None
    port: int | None


def may_be(data: bytes | bytearray) -> bool:
    """Whether the first bytes can be those of a request."""
    start = bytes(data[:8])
    return any(start[: len(method)] == method[: len(start)] for method in _METHODS)


def is_whole(data: bytes | bytearray, looked_at: int) -> bool:
    """Whether the head of a request has come to its end (or to :data:`MAX_HEAD`).

    Args:
        data: the stream from its beginning.
        looked_at: how many bytes of it were searched before.
    """
    return len(data) >= MAX_HEAD or data.find(b"\r\n\r\n", max(0, looked_at - 3)) >= 0


def status(data: bytes) -> str:
    """The status in the first line of an answer, three digits; nothing where it is no HTTP/1 answer."""
    found = _STATUS.match(data)
    return found[1].decode("ascii") if found is not None else ""


def parse(data: bytes) -> PlainRequest | None:
    """Read a request's head; None while it is not complete (it is taken as complete at :data:`MAX_HEAD`)."""
    head, separator, _ = data[:MAX_HEAD].partition(b"\r\n\r\n")
    if not separator and len(data) < MAX_HEAD:
        return None
    lines = head.split(b"\r\n")
    if lines[0].startswith(b"CONNECT "):
        authority = lines[0].split(b" ")[1]
        host, port = _authority(authority)
        return PlainRequest("connect", host, port)
    for line in lines[1:100]:
        name, colon, value = line.partition(b":")
        if colon and name.strip().lower() == b"host":
            return PlainRequest("host", _authority(value.strip())[0], None)
    return PlainRequest("host", None, None)


def _authority(text: bytes) -> tuple[str | None, int | None]:
    host, colon, port = text.rpartition(b":")
    if not colon or not port.isdigit() or len(port) > 5:
        host, port = text, b""
    try:
        name = Hostname.parse(host.decode("ascii")).name
    except (UsageError, UnicodeDecodeError):
        return None, int(port) if port else None
    return name, int(port) if port else None

"""The server name in a ClientHello (RFC 8446 section 4.1.2, RFC 6066 section 3), also split over records.

Reads as far as the bytes go and never past a length that a surrounding length does not allow.
"""

from __future__ import annotations

from enum import Enum

from netprobe.errors import UsageError
from netprobe.hostnames import Hostname

MAX_HELLO = 16_384
_HANDSHAKE, _CLIENT_HELLO, _SERVER_NAME = 22, 1, 0


class More(Enum):
    """Why there is no name."""

    NEEDED = "more bytes are needed"
    NOT_TLS = "not a ClientHello"
    LIES = "a ClientHello whose lengths lie"
    NO_NAME = "a ClientHello without a server name"


def from_stream(data: bytes) -> str | More:
    """The server name at the start of a TCP stream: takes the handshake message out of its records."""
    message = bytearray()
    offset = 0
    while True:
        if len(data) < offset + 5:
            start = bytes([_HANDSHAKE, 3])
            return More.NEEDED if offset or data[:2] == start[: len(data[:2])] else More.NOT_TLS
        if data[offset] != _HANDSHAKE or data[offset + 1] != 3:
            return More.NOT_TLS if not message else More.LIES
        length = int.from_bytes(data[offset + 3 : offset + 5], "big")
        if not 0 < length <= MAX_HELLO:
            return More.LIES
        message += data[offset + 5 : offset + 5 + length]
        name = from_message(bytes(message))
        if name is not More.NEEDED:
            return name
        offset += 5 + length


def from_message(message: bytes) -> str | More:
    """The server name in a handshake message (without record header)."""
    if message and message[0] != _CLIENT_HELLO:
        return More.NOT_TLS
    if len(message) < 4:
        return More.NEEDED
    length = int.from_bytes(message[1:4], "big")
    if length > MAX_HELLO:
        return More.LIES
    if len(message) < 4 + length:
        return More.NEEDED
    return _in_body(message[4 : 4 + length])


def _in_body(body: bytes) -> str | More:
    offset = 34  # version and random
    for size in (1, 2, 1):  # session id, cipher suites, compression methods
        if len(body) < offset + size:
            return More.LIES
        offset += size + int.from_bytes(body[offset : offset + size], "big")
    if offset == len(body):
        return More.NO_NAME
    end = offset + 2 + int.from_bytes(body[offset : offset + 2], "big")
    if len(body) < offset + 2 or end > len(body):
        return More.LIES
    offset += 2
    while offset + 4 <= end:
        kind = int.from_bytes(body[offset : offset + 2], "big")
        length = int.from_bytes(body[offset + 2 : offset + 4], "big")
        if offset + 4 + length > end:
            return More.LIES
        if kind == _SERVER_NAME:
            return _host_name(body[offset + 4 : offset + 4 + length])
        offset += 4 + length
    return More.NO_NAME


def _host_name(extension: bytes) -> str | More:
    """The one host_name entry; anything that is no host name is not passed on."""
    if len(extension) < 5 or extension[2] != 0:
        return More.LIES
    length = int.from_bytes(extension[3:5], "big")
    if 5 + length > len(extension):
        return More.LIES
    try:
        return Hostname.parse(extension[5 : 5 + length].decode("ascii")).name
    except (UsageError, UnicodeDecodeError):
        return More.LIES

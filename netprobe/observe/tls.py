"""The server name in a ClientHello (RFC 8446 section 4.1.2, RFC 6066 section 3), also split over records.

Reads as far as the bytes go and never past a length that a surrounding length does not allow.
"""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

from netprobe.errors import UsageError
from netprobe.hostnames import Hostname

MAX_HELLO = 16_384
Buffer: TypeAlias = bytes | bytearray
_HANDSHAKE, _CLIENT_HELLO, _SERVER_NAME = 22, 1, 0


class More(Enum):
    """Why there is no name."""

    NEEDED = "more bytes are needed"
    NOT_TLS = "not a ClientHello"
    LIES = "a ClientHello whose lengths lie"
    NO_NAME = "a ClientHello without a server name"


class Reader:
    """Takes the handshake message out of its records as a stream grows; every byte of it is looked at once."""

    __slots__ = ("_at", "_left", "_message")

    def __init__(self) -> None:
        self._at = 0
        self._left = 0
        self._message = bytearray()

    def read(self, data: Buffer) -> str | More:
        """Go on where the last call ended.

        Args:
            data: the stream from its beginning, no shorter than before.
        """
        while True:
            if not self._left:
                wrong = self._next_record(data)
                if wrong is not None:
                    return wrong
            piece = data[self._at : self._at + self._left]
            if not piece:
                return More.NEEDED
            self._message += piece
            self._at += len(piece)
            self._left -= len(piece)
            name = from_message(self._message)
            if name is not More.NEEDED:
                return name

    def _next_record(self, data: Buffer) -> More | None:
        """Read a record's header; None where that is one."""
        head = data[self._at : self._at + 5]
        start = bytes([_HANDSHAKE, 3])
        if len(head) < 5:
            return More.NEEDED if self._at or head[:2] == start[: len(head[:2])] else More.NOT_TLS
        if head[:2] != start:
            return More.LIES if self._message else More.NOT_TLS
        length = int.from_bytes(head[3:5], "big")
        if not 0 < length <= MAX_HELLO:
            return More.LIES
        self._at += 5
        self._left = length
        return None


def from_message(message: Buffer) -> str | More:
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
    return _in_body(bytes(message[4 : 4 + length]))


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

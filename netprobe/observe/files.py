"""Open what a person names: a file, ``-`` for stdin, a pipe; gzipped or not. It is read once, from front to back.

A pipe's beginning cannot be looked at twice, so whoever looks gives back what was read: :class:`Rewound`.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO, cast

from netprobe.errors import UnreadableFileError

STDIN = "-"
_BUFFER = 1 << 16
_ANY_PROPORTION = 1 << 20
_PROPORTION = 200
"""Bytes for each packed one, from that many bytes on; logs have some 10 to 50, and deflate (RFC 1951) up to 1,032."""


class Rewound(io.RawIOBase):
    """A stream that begins with bytes that were taken from another one, and goes on with that one."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = memoryview(head)
        self._rest = rest

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer with what comes next."""
        if self._head:
            size = min(len(buffer), len(self._head))
            buffer[:size] = self._head[:size]
            self._head = self._head[size:]
            return size
        data = self._rest.read1(len(buffer)) if isinstance(self._rest, _Reads1) else self._rest.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the other one, too."""
        if not self.closed:
            self._rest.close()
        super().close()


_Reads1 = (io.BufferedReader, gzip.GzipFile)


def rewound(head: bytes, rest: BinaryIO) -> BinaryIO:
    """A stream as it was before ``head`` was read from it."""
    return cast(BinaryIO, io.BufferedReader(Rewound(head, rest), _BUFFER))


def opened(path: Path, remedy: str) -> BinaryIO:
    """Open a file, a pipe or stdin for reading.

    Args:
        path: its path, or ``-``.
        remedy: what to do where it is neither.

    Raises:
        UnreadableFileError: it is missing, may not be read, or is a folder or a device.
    """
    if str(path) == STDIN:
        return sys.stdin.buffer
    try:
        stream = path.open("rb", _BUFFER)
    except OSError as error:
        kind = "is a folder" if os.path.isdir(path) else f"cannot be read ({error.strerror})"
        raise UnreadableFileError(str(path), kind, remedy) from error
    mode = os.fstat(stream.fileno()).st_mode
    if stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        return stream
    stream.close()
    raise UnreadableFileError(str(path), "is a device, not a file or a pipe", remedy)


def can_be_opened_again(path: Path) -> bool:
    """Whether a second look finds the same bytes: a file, no pipe."""
    return str(path) != STDIN and os.path.isfile(path)


class UnpacksTooFarError(gzip.BadGzipFile):
    """A gzip stream holds so much more than it weighs that it is no log and no capture."""


def damage(error: Exception) -> str:
    """What is wrong with a gzip stream, in words: it ends too early, says something impossible, or holds too much."""
    return str(error) if isinstance(error, UnpacksTooFarError) else "gzip stream is damaged"


class _Counted:
    """A stream of which the bytes are counted that were read."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.read_so_far = 0

    def read(self, size: int = -1) -> bytes:
        """What comes next."""
        data = self.stream.read(size)
        self.read_so_far += len(data)
        return data


class _Unpacking(io.RawIOBase):
    """What is in a gzip stream, as long as it is in proportion to the stream.

    A megabyte of it may hold a gigabyte of line ends, and each of them is looked at.
    """

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = _Counted(packed)
        self._gzip = gzip.GzipFile(fileobj=cast(BinaryIO, self._packed))
        self._given = 0

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer with what comes next.

        Raises:
            UnpacksTooFarError: there is too much of it.
        """
        data = self._gzip.read1(len(buffer))
        self._given += len(data)
        if self._given > _ANY_PROPORTION and self._given > _PROPORTION * self._packed.read_so_far:
            raise UnpacksTooFarError("gzip stream holds far more than a log or a capture would; unpack it first")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the stream, too."""
        if not self.closed:
            self._packed.stream.close()
        super().close()


def unpacked(stream: BinaryIO) -> tuple[BinaryIO, bool]:
    """The stream itself, or what is in it where it is a gzip stream; and whether it is one."""
    head = exactly(stream, 2)
    whole = rewound(head, stream)
    if head != b"\x1f\x8b":
        return whole, False
    return cast(BinaryIO, io.BufferedReader(_Unpacking(whole), _BUFFER)), True


def exactly(stream: BinaryIO, size: int) -> bytes:
    """``size`` bytes, or fewer at the end of the stream."""
    data = stream.read(size)
    while data and len(data) < size and (more := stream.read(size - len(data))):
        data += more
    return data

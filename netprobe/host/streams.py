"""Forward-only, bounded reading of an archive: decompression, windows, a deadline, no unbounded allocation.

``tarfile`` is trusted with the format and with nothing else: a pax header may claim to be 10 GB long, and tarfile would
ask for all of it at once. Everything it reads comes through :class:`Forward`, which refuses a single read above
:data:`MAX_READ`, counts what was unpacked against a budget and looks at the clock between pieces, so that neither a
bomb of zeros nor a header of lies can fill the memory or hang the run.

Formats are told by their first bytes, never by the file's name. Zstandard is read where Python itself can (3.14,
``compression.zstd``); elsewhere the error says how to unpack it first.
"""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import time
import zlib
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol, cast

MAX_READ = 64 * 1024 * 1024
_PIECE = 1 << 20
_GZIP, _BZIP2, _XZ, _ZSTD = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"
MALFORMED = (EOFError, OSError, ValueError, ArithmeticError, LookupError, RecursionError, zlib.error, lzma.LZMAError)
"""What the decompressors and tarfile raise over hostile bytes."""


class ArchiveError(Exception):
    """The archive cannot be judged: malformed, too large, too slow; the text is one clause."""


@dataclass(slots=True)
class Budget:
    """What one archive may cost, shared by its layers.

    Attributes:
        unpacked: bytes that may still be unpacked or skipped.
        deadline: the moment of ``time.monotonic`` at which reading stops.
        seconds: the limit that the deadline came from, for the message.
    """

    unpacked: int = 256 * 1024**3
    seconds: float = 120.0
    deadline: float = field(default=0.0)

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.seconds

    def spend(self, amount: int) -> None:
        """Take ``amount`` bytes off the budget.

        Raises:
            ArchiveError: the budget or the time is spent.
        """
        self.unpacked -= amount
        if self.unpacked < 0:
            raise ArchiveError("unpacks to more than netprobe is willing to read")
        if time.monotonic() > self.deadline:
            raise ArchiveError(f"was not read to its end within {self.seconds:g} s")


class Readable(Protocol):
    """The one thing that is asked of a source."""

    def read(self, size: int = ..., /) -> bytes:
        """At most ``size`` bytes; nothing at the end."""
        ...


class Forward:
    """A reader that only goes forward and pays for what it reads; it looks enough like a file for ``tarfile``.

    Seeking uses the source's own seek where it has one (a plain tar on disk: gigabytes are skipped for free) and reads
    and discards elsewhere.
    """

    def __init__(self, source: Readable, budget: Budget, *, size: int | None = None, seekable: bool = False) -> None:
        self._source = source
        self._budget = budget
        self._left = size
        self._seekable = seekable
        self._position = 0
        self._peeked = b""

    def peek(self, size: int) -> bytes:
        """The next bytes, without moving on."""
        while len(self._peeked) < size:
            more = self._raw(size - len(self._peeked))
            if not more:
                break
            self._peeked += more
        return self._peeked[:size]

    def _raw(self, size: int) -> bytes:
        if self._left is not None:
            size = min(size, self._left)
        data = self._source.read(size) if size else b""
        if self._left is not None:
            self._left -= len(data)
        self._budget.spend(len(data))
        return data

    def read(self, size: int = -1) -> bytes:
        """Exactly ``size`` bytes, or fewer at the end."""
        if not 0 <= size <= MAX_READ:
            raise ArchiveError("holds a header that claims to be larger than any header is")
        pieces = [self._peeked[:size]]
        self._peeked = self._peeked[size:]
        left = size - len(pieces[0])
        while left:
            data = self._raw(min(left, _PIECE))
            if not data:
                break
            pieces.append(data)
            left -= len(data)
        joined = b"".join(pieces)
        self._position += len(joined)
        return joined

    def tell(self) -> int:
        """Bytes gone by."""
        return self._position

    def seekable(self) -> bool:
        """Forward, at least."""
        return True

    def seek(self, position: int, whence: int = 0) -> int:
        """Go forward to ``position``; stopping at the end is the reader's business, as with a file."""
        if whence != 0 or position < self._position:
            raise ArchiveError("would have to be read backwards")
        distance = position - self._position
        if self._seekable and distance > len(self._peeked):
            distance -= len(self._peeked)
            jump = distance if self._left is None else min(distance, self._left)
            cast("BinaryIO", self._source).seek(jump, io.SEEK_CUR)
            if self._left is not None:
                self._left -= jump
            self._peeked = b""
            self._budget.spend(0)
            self._position = position
            return position
        while distance > 0:
            gone = len(self.read(min(distance, _PIECE)))
            if not gone:
                break
            distance -= gone
        return self._position


class _Source(io.RawIOBase):
    """The decompressors want a file object; this is the least that they use."""

    def __init__(self, stream: Forward) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer))
        data = self._stream.read(min(len(view), _PIECE))
        view[: len(data)] = data
        return len(data)


def decompressed(stream: Forward, budget: Budget) -> Forward:
    """The same stream, unpacked if its first bytes say that it is packed.

    Raises:
        ArchiveError: it is Zstandard and this Python cannot read that.
    """
    magic = stream.peek(6)
    if magic.startswith(_ZSTD):
        return Forward(_zstd(stream), budget)
    # 1 MiB of buffer: with the default of 8 KiB more time goes into calls than into unpacking.
    source = io.BufferedReader(_Source(stream), _PIECE)
    if magic.startswith(_GZIP):
        return Forward(gzip.GzipFile(fileobj=source, mode="rb"), budget)
    if magic.startswith(_BZIP2):
        return Forward(bz2.BZ2File(source, "rb"), budget)
    if magic.startswith(_XZ):
        return Forward(lzma.LZMAFile(source, "rb"), budget)
    return stream


def _zstd(stream: Forward) -> Readable:
    try:
        module = importlib.import_module("compression.zstd")
    except ModuleNotFoundError:
        raise ArchiveError(
            "is compressed with Zstandard, which Python reads from 3.14 on; unpack it first with zstd -d"
        ) from None
    return cast("Readable", module.ZstdFile(io.BufferedReader(_Source(stream), _PIECE)))

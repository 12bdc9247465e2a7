"""Read pcap, pcapng and either one gzipped, a packet at a time, in constant memory.

Formats: draft-ietf-opsawg-pcap (classic, micro- and nanoseconds, both byte orders) and draft-ietf-opsawg-pcapng
(section, interface, enhanced, simple and obsolete packet blocks; every other block is skipped). A length that cannot
be is where reading ends, since nothing after it can be trusted; what was read before stands.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

from netprobe.errors import UnreadableFileError
from netprobe.observe import files

MAX_PACKET = 262_144
"""tcpdump's largest snapshot length; a longer packet is a lie."""
_MAX_BLOCK = MAX_PACKET + 65_536
_MAX_INTERFACES = 4096
_CHUNK = 65_536
_SNAPPED = "packet is captured in part, so names in it may be missed (tcpdump -s 0 takes all of it)"
_REMEDY = "give a pcap or pcapng file, also gzipped (tcpdump -w FILE writes one)"
_MAGIC = {
    b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
}


class Packet(NamedTuple):
    """One captured packet."""

    time: float
    link: int
    data: bytes


@dataclass(slots=True)
class Tally:
    """What reading met.

    Attributes:
        malformed: reason → how often.
        complete: whether the end was reached in order.
    """

    malformed: Counter[str] = field(default_factory=Counter)
    complete: bool = False


def read(path: Path, tally: Tally) -> Iterator[Packet]:
    """Read a capture from a file, a pipe or stdin.

    Args:
        path: the file; ``-`` for stdin.
        tally: told what could not be read.

    Raises:
        UnreadableFileError: it is missing, may not be read, or is no capture at all.
    """
    try:
        with files.opened(path, _REMEDY) as raw:
            stream, _packed = files.unpacked(raw)
            yield from packets(stream, str(path), tally)
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile):
            tally.malformed[files.damage(error)] += 1
            return
        raise UnreadableFileError(str(path), f"cannot be read ({error.strerror})", _REMEDY) from error


def is_capture(start: bytes) -> bool:
    """Whether the first bytes of a file are those of a capture (or of a gzip stream)."""
    return start[:4] in _MAGIC or start[:4] == b"\x0a\x0d\x0d\x0a" or start[:2] == b"\x1f\x8b"


def packets(stream: BinaryIO, name: str, tally: Tally) -> Iterator[Packet]:
    """Read a capture from an open stream; see :func:`read`."""
    try:
        magic = stream.read(4)
        if magic in _MAGIC:
            yield from _pcap(stream, *_MAGIC[magic], tally)
        elif magic == b"\x0a\x0d\x0d\x0a":
            yield from _pcapng(stream, tally)
        else:
            raise UnreadableFileError(name, "is not a capture", _REMEDY)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        tally.malformed[files.damage(error)] += 1


def _pcap(stream: BinaryIO, order: str, unit: float, tally: Tally) -> Iterator[Packet]:
    header = files.exactly(stream, 20)
    if len(header) < 20:
        tally.malformed["file header is cut short"] += 1
        return
    link = struct.unpack(order + "I", header[16:20])[0] & 0xFFFF
    record = struct.Struct(order + "IIII")
    while head := files.exactly(stream, 16):
        if len(head) < 16:
            tally.malformed["record header is cut short"] += 1
            return
        seconds, fraction, captured, length = record.unpack(head)
        if captured > MAX_PACKET:
            tally.malformed["record length is impossible"] += 1
            return
        data = files.exactly(stream, captured)
        if len(data) < captured:
            tally.malformed["last packet is cut short"] += 1
            return
        if captured < length:
            tally.malformed[_SNAPPED] += 1
        yield Packet(seconds + fraction * unit, link, data)
    tally.complete = True


def _pcapng(stream: BinaryIO, tally: Tally) -> Iterator[Packet]:
    order = "<"
    interfaces: list[tuple[int, float]] = []
    kind_bytes = b"\x0a\x0d\x0d\x0a"
    while kind_bytes:
        length_bytes = files.exactly(stream, 4)
        if len(kind_bytes) < 4 or len(length_bytes) < 4:
            tally.malformed["block header is cut short"] += 1
            return
        already = b""
        if kind_bytes == b"\x0a\x0d\x0d\x0a":
            already = files.exactly(stream, 4)
            order = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}.get(already, "")
            interfaces = []
            if not order:
                tally.malformed["section has no byte order"] += 1
                return
        kind, length = struct.unpack(order + "II", kind_bytes + length_bytes)
        if length < 12 + len(already) or length % 4 or (length > _MAX_BLOCK and kind in (1, 2, 3, 6)):
            tally.malformed["block length is impossible"] += 1
            return
        if kind in (1, 2, 3, 6):
            body = files.exactly(stream, length - 12)
            whole = len(body) == length - 12 and len(files.exactly(stream, 4)) == 4
        else:
            body, whole = b"", _skip(stream, length - 8 - len(already))
        if not whole:
            tally.malformed["last block is cut short"] += 1
            return
        if kind == 1 and len(interfaces) < _MAX_INTERFACES:
            interfaces.append(_interface(order, body))
        elif kind in (2, 3, 6):
            packet = _packet(order, kind, body, interfaces, tally)
            if packet is None:
                tally.malformed["packet block is malformed"] += 1
            else:
                yield packet
        kind_bytes = files.exactly(stream, 4)
    tally.complete = True


def _skip(stream: BinaryIO, size: int) -> bool:
    """Read ``size`` bytes away in small pieces; whether they were there."""
    while size > 0:
        data = stream.read(min(size, _CHUNK))
        if not data:
            return False
        size -= len(data)
    return True


def _interface(order: str, body: bytes) -> tuple[int, float]:
    """Link type and time unit of an interface description; malformed options leave the default (microseconds)."""
    if len(body) < 8:
        return -1, 1e-6
    link = struct.unpack_from(order + "H", body)[0]
    offset = 8
    while offset + 4 <= len(body):
        code, length = struct.unpack_from(order + "HH", body, offset)
        if code == 0:
            break
        if code == 9 and length == 1 and offset + 5 <= len(body):
            value = body[offset + 4]
            return link, 2.0 ** -(value & 0x7F) if value & 0x80 else 10.0**-value
        offset += 4 + length + (-length) % 4
    return link, 1e-6


def _packet(order: str, kind: int, body: bytes, interfaces: list[tuple[int, float]], tally: Tally) -> Packet | None:
    """The packet in a block, or None where the block lies."""
    if kind == 3:
        if len(body) < 4 or not interfaces:
            return None
        length = struct.unpack_from(order + "I", body)[0]
        if length > len(body) - 4:
            tally.malformed[_SNAPPED] += 1
        return Packet(0.0, interfaces[0][0], body[4 : 4 + min(length, MAX_PACKET)])
    if len(body) < 20:
        return None
    if kind == 6:
        number, high, low, captured, length = struct.unpack_from(order + "IIIII", body)
    else:
        number, _drops, high, low, captured, length = struct.unpack_from(order + "HHIIII", body)
    if number >= len(interfaces) or captured > len(body) - 20:
        return None
    if captured < length:
        tally.malformed[_SNAPPED] += 1
    link, unit = interfaces[number]
    return Packet(((high << 32) | low) * unit, link, body[20 : 20 + captured])

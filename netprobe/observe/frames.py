"""From a captured frame to a TCP segment or UDP datagram. Narrow: what is neither is nothing.

Link types are those of www.tcpdump.org/linktypes.html; at most eight IPv6 extension headers are followed (RFC 8200
section 4). Lengths in headers are believed only as far as bytes were captured.
"""

from __future__ import annotations

import socket
import struct
from collections import Counter
from typing import NamedTuple

_NULL, _ETHERNET, _RAW_OLD, _RAW_BSD, _RAW, _LOOP = 0, 1, 12, 14, 101, 108
_COOKED, _IPV4, _IPV6, _COOKED2 = 113, 228, 229, 276
_VLAN = frozenset({0x8100, 0x88A8, 0x9100})
_PORTS = struct.Struct("!HH")
_TCP = struct.Struct("!HHIIBB")
_HEADER_4 = struct.Struct("!BxHxxHBB")
_EXTENSIONS = frozenset({0, 43, 60, 135})
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10


class Segment(NamedTuple):
    """One TCP segment or UDP datagram; addresses are packed, 4 or 16 bytes; ``hops`` is the TTL or hop limit."""

    source: bytes
    destination: bytes
    source_port: int
    destination_port: int
    tcp: bool
    sequence: int
    flags: int
    payload: bytes
    hops: int


def text(address: bytes) -> str:
    """The address for people."""
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


def segment(link: int, data: bytes, malformed: Counter[str]) -> Segment | None:
    """Find the segment in a frame.

    Args:
        link: the link type.
        data: the frame as captured.
        malformed: told what lies.
    """
    offset = _network_offset(link, data)
    if offset is None:
        malformed[f"link type {link} is not known"] += 1
        return None
    if offset < 0 or len(data) <= offset:
        return None  # ARP and the like
    version = data[offset] >> 4
    if version == 4:
        return _ipv4(data, offset, malformed)
    if version == 6:
        return _ipv6(data, offset, malformed)
    malformed["neither IPv4 nor IPv6 inside"] += 1
    return None


def _network_offset(link: int, data: bytes) -> int | None:
    """Where the IP header begins; -1 where the frame carries something else, None for an unknown link type."""
    if link == _ETHERNET:
        return _ethernet(data)
    if link in (_RAW, _RAW_OLD, _RAW_BSD, _IPV4, _IPV6):
        return 0
    if link == _COOKED:
        return 16 if data[14:16] in (b"\x08\x00", b"\x86\xdd") else -1
    if link == _COOKED2:
        return 20 if data[:2] in (b"\x08\x00", b"\x86\xdd") else -1
    if link in (_NULL, _LOOP):
        return 4
    return None


def _ethernet(data: bytes) -> int:
    offset = 12
    for _ in range(3):
        if len(data) < offset + 2:
            return -1
        kind = (data[offset] << 8) | data[offset + 1]
        if kind in (0x0800, 0x86DD):
            return offset + 2
        if kind not in _VLAN:
            return -1
        offset += 4
    return -1


def _ipv4(data: bytes, offset: int, malformed: Counter[str]) -> Segment | None:
    if len(data) < offset + 20:
        malformed["IPv4 header is cut short"] += 1
        return None
    first, total, fragment, hops, protocol = _HEADER_4.unpack_from(data, offset)
    length = (first & 15) * 4
    if length < 20 or (total and total < length):
        malformed["IPv4 header length is impossible"] += 1
        return None
    if protocol not in (6, 17):
        return None
    if fragment & 0x1FFF:
        malformed["IPv4 fragment (not put together)"] += 1
        return None
    # total length 0: segmentation offload on the capturing host
    end = min(len(data), offset + total) if total else len(data)
    addresses = data[offset + 12 : offset + 16], data[offset + 16 : offset + 20]
    return _transport(data, offset + length, end, protocol, *addresses, hops, malformed)


def _ipv6(data: bytes, offset: int, malformed: Counter[str]) -> Segment | None:
    if len(data) < offset + 40:
        malformed["IPv6 header is cut short"] += 1
        return None
    length = (data[offset + 4] << 8) | data[offset + 5]
    protocol = data[offset + 6]
    end = min(len(data), offset + 40 + length) if length else len(data)
    position = offset + 40
    for _ in range(8):
        if protocol in (6, 17):
            addresses = data[offset + 8 : offset + 24], data[offset + 24 : offset + 40]
            return _transport(data, position, end, protocol, *addresses, data[offset + 7], malformed)
        if protocol == 44:
            malformed["IPv6 fragment (not put together)"] += 1
            return None
        if protocol not in _EXTENSIONS:
            return None
        if position + 8 > end:
            malformed["IPv6 extension header is cut short"] += 1
            return None
        protocol, position = data[position], position + (data[position + 1] + 1) * 8
    malformed["too many IPv6 extension headers"] += 1
    return None


def _transport(
    data: bytes,
    offset: int,
    end: int,
    protocol: int,
    source: bytes,
    destination: bytes,
    hops: int,
    malformed: Counter[str],
) -> Segment | None:
    if protocol == 17:
        if end < offset + 8:
            malformed["UDP header is cut short"] += 1
            return None
        source_port, destination_port = _PORTS.unpack_from(data, offset)
        return Segment(source, destination, source_port, destination_port, False, 0, 0, data[offset + 8 : end], hops)
    if end < offset + 20:
        malformed["TCP header is cut short"] += 1
        return None
    source_port, destination_port, sequence, _ack, header, flags = _TCP.unpack_from(data, offset)
    length = (header >> 4) * 4
    if length < 20:
        malformed["TCP header length is impossible"] += 1
        return None
    return Segment(
        source, destination, source_port, destination_port, True, sequence, flags, data[offset + length : end], hops
    )

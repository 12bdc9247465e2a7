"""From a captured frame to a TCP segment or UDP datagram, through tags and tunnels. What is neither is nothing.

Link types are those of www.tcpdump.org/linktypes.html; at most eight IPv6 extension headers are followed (RFC 8200
section 4). Lengths in headers are believed only as far as bytes were captured.
"""

from __future__ import annotations

import socket
import struct
from collections import Counter
from typing import NamedTuple

from netprobe.observe import tunnels

_NULL, _ETHERNET, _RAW_OLD, _RAW_BSD, _RAW, _LOOP = 0, 1, 12, 14, 101, 108
_COOKED, _IPV4, _IPV6, _COOKED2 = 113, 228, 229, 276
_PORTS = struct.Struct("!HH")
_TCP = struct.Struct("!HHIIBB")
_HEADER_4 = struct.Struct("!BxHxxHBB")
_EXTENSIONS = frozenset({0, 43, 60, 135})
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10


class Segment(NamedTuple):
    """One TCP segment or UDP datagram; addresses are packed, 4 or 16 bytes; ``hops`` is the TTL or hop limit.

    ``acknowledged`` is TCP's acknowledgement number, which counts where the flag ACK is set.
    """

    source: bytes
    destination: bytes
    source_port: int
    destination_port: int
    tcp: bool
    sequence: int
    flags: int
    payload: bytes
    hops: int
    acknowledged: int = 0


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
    if link == _ETHERNET:
        return _ethernet(data, 0, malformed, 0)
    if link in (_RAW, _RAW_OLD, _RAW_BSD, _IPV4, _IPV6):
        return _network(data, 0, malformed, 0)
    if link == _COOKED:
        return _of_type(data, 14, 16, malformed, 0)
    if link == _COOKED2:
        return _of_type(data, 0, 20, malformed, 0)
    if link in (_NULL, _LOOP):
        return _network(data, 4, malformed, 0)
    malformed[f"link type {link} is not known"] += 1
    return None


def _ethernet(data: bytes, offset: int, malformed: Counter[str], depth: int) -> Segment | None:
    return _of_type(data, offset + 12, offset + 14, malformed, depth)


def _of_type(data: bytes, place: int, offset: int, malformed: Counter[str], depth: int) -> Segment | None:
    """What a frame carries by its EtherType, which stands at ``place``."""
    if len(data) <= offset:
        return None
    kind = (data[place] << 8) | data[place + 1]
    if kind in (tunnels.IPV4, tunnels.IPV6):
        return _network(data, offset, malformed, depth)
    return _inside(tunnels.in_frame(kind, data, offset), data, malformed, depth)


def _inside(found: tunnels.Found, data: bytes, malformed: Counter[str], depth: int) -> Segment | None:
    """The segment in a tunnel, which may hold another one."""
    if found is not None and depth >= tunnels.MOST:
        found = tunnels.TOO_MANY
    if found is None:
        return None  # ARP and the like
    if isinstance(found, str):
        malformed[found] += 1
        return None
    if found.ethernet:
        return _ethernet(data, found.offset, malformed, depth + 1)
    return _network(data, found.offset, malformed, depth + 1)


def _network(data: bytes, offset: int, malformed: Counter[str], depth: int) -> Segment | None:
    if len(data) <= offset:
        return None
    version = data[offset] >> 4
    if version == 4:
        return _ipv4(data, offset, malformed, depth)
    if version == 6:
        return _ipv6(data, offset, malformed, depth)
    malformed["neither IPv4 nor IPv6 inside"] += 1
    return None


def _ipv4(data: bytes, offset: int, malformed: Counter[str], depth: int) -> Segment | None:
    if len(data) < offset + 20:
        malformed["IPv4 header is cut short"] += 1
        return None
    first, total, fragment, hops, protocol = _HEADER_4.unpack_from(data, offset)
    length = (first & 15) * 4
    if length < 20 or (total and total < length):
        malformed["IPv4 header length is impossible"] += 1
        return None
    if protocol not in (6, 17):
        return _inside(tunnels.in_ip(protocol, data, offset + length), data, malformed, depth)
    if fragment & 0x1FFF:
        malformed["IPv4 fragment (not put together)"] += 1
        return None
    # total length 0: segmentation offload on the capturing host
    end = min(len(data), offset + total) if total else len(data)
    addresses = data[offset + 12 : offset + 16], data[offset + 16 : offset + 20]
    return _transport(data, offset + length, end, protocol, *addresses, hops, malformed, depth)


def _ipv6(data: bytes, offset: int, malformed: Counter[str], depth: int) -> Segment | None:
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
            return _transport(data, position, end, protocol, *addresses, data[offset + 7], malformed, depth)
        if protocol == 44:
            malformed["IPv6 fragment (not put together)"] += 1
            return None
        if protocol not in _EXTENSIONS:
            return _inside(tunnels.in_ip(protocol, data, position), data, malformed, depth)
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
    depth: int,
) -> Segment | None:
    if protocol == 17:
        if end < offset + 8:
            malformed["UDP header is cut short"] += 1
            return None
        source_port, destination_port = _PORTS.unpack_from(data, offset)
        if destination_port in tunnels.PORTS and (inner := tunnels.in_udp(destination_port, data, offset + 8)):
            return _inside(inner, data, malformed, depth)
        return Segment(source, destination, source_port, destination_port, False, 0, 0, data[offset + 8 : end], hops)
    if end < offset + 20:
        malformed["TCP header is cut short"] += 1
        return None
    source_port, destination_port, sequence, acknowledged, header, flags = _TCP.unpack_from(data, offset)
    length = (header >> 4) * 4
    if length < 20:
        malformed["TCP header length is impossible"] += 1
        return None
    payload = data[offset + length : end]
    return Segment(
        source, destination, source_port, destination_port, True, sequence, flags, payload, hops, acknowledged
    )

"""What stands between a frame and a host's packet: tags, labels, tunnels, as captures of trunks and mirrors have them.

Either where the inner packet begins, or why nothing of it can be seen; the latter is told, never passed over.

IEEE 802.1Q tags, LLC/SNAP (RFC 1042), PPPoE (RFC 2516), MPLS (RFC 3032), GRE (RFC 2784, 2890) with ERSPAN
(draft-foschiano-erspan-03), IP in IP (RFC 2003, 4213), VXLAN (RFC 7348, draft-ietf-nvo3-vxlan-gpe-13) and GENEVE
(RFC 8926); the tests hold each against scapy's own layers.
"""

from __future__ import annotations

from typing import NamedTuple

IPV4, IPV6 = 0x0800, 0x86DD
_VLAN = frozenset({0x8100, 0x88A8, 0x9100})
_PPPOE, _MACSEC, _BRIDGED = 0x8864, 0x88E5, 0x6558
_MPLS = frozenset({0x8847, 0x8848})
_ERSPAN_2, _ERSPAN_3 = 0x88BE, 0x22EB
_SNAP = b"\xaa\xaa\x03\x00\x00\x00"
_MOST_LABELS = 16
_IN_IP, _IN_IPV6, _GRE, _ESP, _AH = 4, 41, 47, 50, 51
_VXLAN_PORTS = frozenset({4789, 8472})
_GENEVE_PORT = 6081
_GPE_ETHERNET = 3
PORTS = _VXLAN_PORTS | {_GENEVE_PORT}
"""The UDP ports of tunnels: VXLAN's, Linux's own for it, GENEVE's."""
MOST = 4
"""Tunnels within tunnels that are followed."""
TOO_MANY = "too many tunnels within tunnels"
_CUT = "tunnel header is cut short"


class Inner(NamedTuple):
    """Where what is inside begins: an Ethernet frame, or else an IP packet."""

    offset: int
    ethernet: bool = False


Found = Inner | str | None
"""What is inside; or why it cannot be seen; or None where no host's packet is to be expected (ARP, routing …)."""


def in_frame(kind: int, data: bytes, offset: int) -> Found:
    """What a frame carries.

    Args:
        kind: its EtherType, or its length where it is an IEEE 802.3 frame.
        data: the whole of what was captured.
        offset: where the frame's payload begins.
    """
    while kind in _VLAN:
        if len(data) < offset + 4:
            return _CUT
        kind, offset = _word(data, offset + 2), offset + 4
    if kind in (IPV4, IPV6):
        return Inner(offset)
    if kind <= 1500 and data[offset : offset + 6] == _SNAP and len(data) >= offset + 8:
        return _of_type(_word(data, offset + 6), offset + 8)
    if kind == _PPPOE:
        return Inner(offset + 8) if data[offset + 6 : offset + 8] in (b"\x00\x21", b"\x00\x57") else None
    if kind in _MPLS:
        return _below_labels(data, offset)
    return "frame is encrypted (MACsec)" if kind == _MACSEC else None


def in_ip(protocol: int, data: bytes, offset: int) -> Found:
    """What an IP packet carries that is neither TCP nor UDP.

    Args:
        protocol: IP's number for it.
        data: the whole of what was captured.
        offset: where the packet's payload begins.
    """
    if protocol in (_IN_IP, _IN_IPV6):
        return Inner(offset)
    if protocol == _GRE:
        return _in_gre(data, offset)
    if protocol == _ESP:
        return "packet is encrypted (IPsec ESP)"
    return "packet in IPsec AH (not looked into)" if protocol == _AH else None


def in_udp(port: int, data: bytes, offset: int) -> Found:
    """What a datagram to one of :data:`PORTS` carries; None where it is no tunnel's.

    Args:
        port: where it goes to.
        data: the whole of what was captured.
        offset: where the datagram's payload begins.
    """
    if len(data) < offset + 8:
        return None
    if port in _VXLAN_PORTS:
        if data[offset] & 0xFB != 0x08 or data[offset + 1 : offset + 3] != b"\x00\x00":
            return None
        return Inner(offset + 8, ethernet=not data[offset] & 4 or data[offset + 3] == _GPE_ETHERNET)
    version, options = data[offset] >> 6, (data[offset] & 0x3F) * 4
    return None if version else _of_type(_word(data, offset + 2), offset + 8 + options)


def _in_gre(data: bytes, offset: int) -> Found:
    if len(data) < offset + 4:
        return _CUT
    flags, kind = data[offset], _word(data, offset + 2)
    if data[offset + 1] & 7:
        return "packet in PPTP (not looked into)"
    inside = offset + 4 + 4 * sum(bool(flags & bit) for bit in (0x80, 0x20, 0x10))
    if kind == _ERSPAN_2:
        return Inner(inside + (8 if flags & 0x10 else 0), ethernet=True)
    if kind == _ERSPAN_3:
        if len(data) < inside + 12:
            return _CUT
        return Inner(inside + (20 if data[inside + 11] & 1 else 12), ethernet=True)
    return _of_type(kind, inside)


def _of_type(kind: int, offset: int) -> Found:
    """What is inside by an EtherType in a tunnel's header."""
    if kind in (IPV4, IPV6):
        return Inner(offset)
    return Inner(offset, ethernet=True) if kind == _BRIDGED else None


def _below_labels(data: bytes, offset: int) -> Found:
    """The packet below a stack of labels; they do not say what it is, its first four bits do (RFC 4928)."""
    for _ in range(_MOST_LABELS):
        if len(data) < offset + 5:
            return _CUT
        last, offset = data[offset + 2] & 1, offset + 4
        if last:
            return Inner(offset) if data[offset] >> 4 in (4, 6) else "frame in MPLS (not looked into)"
    return TOO_MANY


def _word(data: bytes, offset: int) -> int:
    return (data[offset] << 8) | data[offset + 1]

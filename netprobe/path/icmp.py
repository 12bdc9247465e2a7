"""ICMP errors in words, and what they prove.

Sources: RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1 (codes 9, 10, 13), RFC 4443 section 3
(ICMPv6). Pure: numbers in, words out.
"""

from __future__ import annotations

from netprobe.path.model import End, IcmpError

_UNREACHABLE_4 = {
    0: "network unreachable",
    1: "host unreachable",
    2: "protocol unreachable",
    3: "port unreachable",
    4: "fragmentation needed",
    5: "source route failed",
    6: "destination network unknown",
    7: "destination host unknown",
    9: "network administratively prohibited",
    10: "host administratively prohibited",
    11: "network unreachable for this type of service",
    12: "host unreachable for this type of service",
    13: "administratively prohibited",
}
_UNREACHABLE_6 = {
    0: "no route to destination",
    1: "administratively prohibited",
    2: "beyond scope of source address",
    3: "address unreachable",
    4: "port unreachable",
    5: "source address failed ingress policy",
    6: "reject route to destination",
}
_PROHIBITED = {4: frozenset({9, 10, 13}), 6: frozenset({1, 5, 6})}


def meaning(version: int, icmp_type: int, code: int) -> str:
    """Say what an ICMP error means.

    Args:
        version: 4 or 6.
        icmp_type: the type.
        code: the code.
    """
    if version == 4 and icmp_type == 3:
        return _UNREACHABLE_4.get(code, f"destination unreachable, code {code}")
    if version == 6 and icmp_type == 1:
        return _UNREACHABLE_6.get(code, f"destination unreachable, code {code}")
    if version == 6 and icmp_type == 2:
        return "packet too big"
    if icmp_type == (11 if version == 4 else 3):
        return "time exceeded" if code == 0 else "reassembly time exceeded"
    return f"ICMP{'v6' if version == 6 else ''} type {icmp_type} code {code}"


def end_of(version: int, error: IcmpError) -> End:
    """Which end an ICMP error stands for."""
    if error.type == (11 if version == 4 else 3):
        return End.EXPIRED
    if (version == 4 and (error.type, error.code) == (3, 4)) or (version == 6 and error.type == 2):
        return End.TOO_BIG
    if error.type == (3 if version == 4 else 1) and error.code in _PROHIBITED[version]:
        return End.PROHIBITED
    return End.UNREACHABLE


def is_port_unreachable(version: int, error: IcmpError) -> bool:
    """Whether the destination itself says that nobody listens on a UDP port."""
    return (error.type, error.code) == ((3, 3) if version == 4 else (1, 4))

"""The routing tables of ``/proc/net``: which families have a default route.

The ECS agent and its install script tell a host without IPv4 by this (facts of the agent's source, read 2026-11-23): an
address alone says little, since Docker's bridge has an IPv4 address on every host.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address

ROUTE = "/proc/net/route"
IPV6_ROUTE = "/proc/net/ipv6_route"
_RTF_UP, _RTF_REJECT = 0x1, 0x200


def has_default(lines: Iterable[str], family: int) -> bool:
    """Whether a table has a default route that can be used.

    Args:
        lines: the lines of :data:`ROUTE` (family 4) or :data:`IPV6_ROUTE` (family 6).
        family: 4 or 6.
    """
    destination, flags = (1, 3) if family == 4 else (0, 8)
    for line in lines:
        words = line.split()
        if len(words) <= flags or set(words[destination]) != {"0"}:
            continue
        if family == 6 and (words[1] != "00" or words[-1] == "lo"):
            continue
        bits = int(words[flags], 16)
        if bits & _RTF_UP and not bits & _RTF_REJECT:
            return True
    return False


def gateways(lines: Iterable[str], family: int) -> Iterator[str]:
    """The next hops of the default routes of a table, in its order.

    Args:
        lines: the lines of :data:`ROUTE` (family 4) or :data:`IPV6_ROUTE` (family 6).
        family: 4 or 6.
    """
    for line in lines:
        words = line.split()
        if not has_default([line], family):
            continue
        if family == 4:
            # The kernel prints the four bytes as one number of this machine's byte order (net/ipv4/fib_trie.c).
            hop: IPv4Address | IPv6Address = IPv4Address(int(words[2], 16).to_bytes(4, sys.byteorder))
        else:
            hop = IPv6Address(bytes.fromhex(words[4]))
        if not hop.is_unspecified:
            yield str(hop)


def interface(lines: Iterable[str], family: int) -> str:
    """The interface of a table's first default route, or nothing."""
    for line in lines:
        if has_default([line], family):
            words = line.split()
            return words[0] if family == 4 else words[-1]
    return ""


def networks(lines: Iterable[str]) -> Iterator[tuple[str, IPv4Network]]:
    """The networks of :data:`ROUTE` that are reached without a gateway, with their interface.

    Args:
        lines: the lines of the table; addresses stand in it as 32 bits of the machine's byte order (proc(5)).
    """
    for line in lines:
        words = line.split()
        if len(words) < 8 or words[2] != "00000000" or not all(len(words[at]) == 8 for at in (1, 7)):
            continue
        try:
            address, mask = (bytes.fromhex(words[at])[::-1] for at in (1, 7))
            network = IPv4Network((address, bin(int.from_bytes(mask)).count("1")))
        except ValueError:
            # The heading, or a network whose address has bits beyond its mask.
            continue
        yield words[0], network

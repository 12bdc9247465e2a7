"""The address ranges of private networks, for those who ask and those who judge.

The table is written out, because ``ipaddress`` calls an address private for other purposes: not where it is shared
address space (RFC 6598), and where it is reserved for documentation.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

PRIVATE: tuple[IPv4Network | IPv6Network, ...] = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)
"""RFC 1918, RFC 6598 (shared address space) and RFC 4193 (ULA): where interface endpoints live."""


def is_private(text: str) -> bool:
    """Whether an address lies in a private network; what is none does not.

    Args:
        text: the address, with or without a scope.
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return any(address in network for network in PRIVATE)

"""What kind of address a DNS answer is: public, private, or one that no genuine answer holds.

The ranges are IANA's special-purpose registries (RFC 6890 and its updates), the well-known NAT64 prefix (RFC 6052) and
a few addresses that vendors publish for their DNS filters. The tables are written out, because ``ipaddress`` judges
"global" and "private" for other purposes: it calls NAT64 answers reserved and shared address space neither.

It looks nothing up; a sinkhole at an address that no vendor publishes shows itself one step later, by its certificate.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from netprobe import addresses
from netprobe.observations import Context
from netprobe.ranges import PRIVATE

Network = IPv4Network | IPv6Network


class AddressClass(StrEnum):
    """What an address in an answer tells about the answer."""

    PUBLIC = "public"
    PRIVATE = "private"
    SINKHOLED = "sinkholed"
    INVALID = "invalid"
    """Not an address at all (a damaged or hostile report)."""


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


_LOOPBACK = _networks("127.0.0.0/8", "::1/128")
_BENCHMARK_AND_DOCUMENTATION = _networks("198.18.0.0/15", "2001:db8::/32")
"""Ordinary with ``--origin-ca``: an isolated network that carries its own AWS-shaped service uses them."""
_NOT_GENUINE = _networks(
    "0.0.0.0/8",
    "169.254.0.0/16",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "100::/64",
    "3fff::/20",
    "5f00::/16",
    "fe80::/10",
    "ff00::/8",
)
_FILTERS = _networks(
    "146.112.61.104/29",  # Cisco Umbrella's block pages
    "198.135.184.22/32",  # Palo Alto Networks, DNS Security's default sinkhole (their documentation, read 2026-11-23)
)
_NAT64 = IPv6Network("64:ff9b::/96")


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that a NAT64 or mapped address stands for: what the resolver really answered."""
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
    return address


def _within(address: IPv4Address | IPv6Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def classify(text: str, context: Context) -> AddressClass:
    """Say what kind of address ``text`` is in this run.

    Args:
        text: the address as the answer gave it.
        context: tells whether loopback (``--lab``) and the benchmark ranges (``--origin-ca``) are ordinary here.
    """
    try:
        address = _inner(ip_address(text.partition("%")[0]))
    except ValueError:
        return AddressClass.INVALID
    if _within(address, _LOOPBACK):
        return AddressClass.PUBLIC if context.lab is not None else AddressClass.SINKHOLED
    if _within(address, _BENCHMARK_AND_DOCUMENTATION):
        ordinary = context.origin_ca or context.lab is not None
        return AddressClass.PUBLIC if ordinary else AddressClass.SINKHOLED
    if _within(address, _NOT_GENUINE) or _within(address, _FILTERS):
        return AddressClass.SINKHOLED
    if _within(address, PRIVATE):
        return AddressClass.PRIVATE
    return AddressClass.PUBLIC


def is_loopback(place: str) -> bool:
    """Whether ``HOST:PORT``, or ``SCHEME://HOST:PORT``, names this very host."""
    host = addresses.take_apart(place.rpartition("//")[2]).host.lower()
    return host == "localhost" or addresses.is_loopback(host)


@functools.lru_cache(maxsize=4096)
def family(text: str | None) -> int | None:
    """4 or 6, or None where there is no address (a proxy resolves) or it is damaged."""
    if text is None:
        return None
    try:
        return ip_address(text.partition("%")[0]).version
    except ValueError:
        return None

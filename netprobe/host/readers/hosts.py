"""The hosts file (hosts(5)): which names it gives which address, and in which line.

A line that is no address with names is skipped, as the C library does.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

import msgspec

FILE = "/etc/hosts"
MAX_FILE = 1 << 20


class HostsLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line that counts.

    Attributes:
        address: an IPv4 or IPv6 literal.
        names: in lower case, without a trailing dot, in the order of the line.
        line: its number.
    """

    address: str
    names: tuple[str, ...]
    line: int


def parse(lines: Iterable[tuple[int, str]]) -> Iterator[HostsLine]:
    """Read the numbered lines of a hosts file."""
    for number, line in lines:
        words = line.partition("#")[0].split()
        if len(words) < 2:
            continue
        try:
            address = str(ipaddress.ip_address(words[0]))
        except ValueError:
            continue
        names = tuple(word.lower().removesuffix(".") for word in words[1:])
        yield HostsLine(address=address, names=names, line=number)

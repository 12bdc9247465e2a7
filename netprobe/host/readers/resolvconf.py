"""resolv.conf as glibc reads it (resolv.conf(5) and ``resolv/res_init.c`` of glibc 2.36, read 2026-11-28).

A comment begins in the first column; the last ``search`` or ``domain`` counts; options add up. What glibc would not
understand is skipped, as glibc does, and kept aside for those who judge.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from netprobe.addresses import is_address

FILE = "/etc/resolv.conf"
MAX_SERVERS = 3
"""glibc's MAXNS."""
MAX_SEARCH = 6
"""As many suffixes as older C libraries took."""
MAX_NDOTS = 15


class ResolvValue(msgspec.Struct, frozen=True, kw_only=True):
    """One value and the line where it stands."""

    value: str
    line: int


class ResolvConfFile(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in a resolv.conf.

    Attributes:
        servers: every ``nameserver``, in order, whether it is an address or not.
        search: the suffixes for names without enough dots, of the last ``search`` or ``domain``.
        options: every option, ``NAME`` or ``NAME:VALUE``.
    """

    servers: tuple[ResolvValue, ...] = ()
    search: tuple[ResolvValue, ...] = ()
    options: tuple[ResolvValue, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """The servers that a C library asks: the first three that are addresses."""
        return tuple(entry.value for entry in self.servers if is_address(entry.value))[:MAX_SERVERS]

    @property
    def over_tcp(self) -> bool:
        """Whether ``use-vc`` makes it ask over TCP from the start."""
        return any(entry.value == "use-vc" for entry in self.options)

    @property
    def ndots(self) -> ResolvValue:
        """How many dots make a name that is asked as it is first; line 0 for the default."""
        last = ResolvValue(value="1", line=0)
        for entry in self.options:
            name, _, value = entry.value.partition(":")
            if name == "ndots" and value.isascii() and value.isdigit():
                last = ResolvValue(value=str(min(int(value[:4]), MAX_NDOTS)), line=entry.line)
        return last


def parse(lines: Iterable[tuple[int, str]]) -> ResolvConfFile:
    """Read the numbered lines of a resolv.conf."""
    servers: list[ResolvValue] = []
    search: tuple[ResolvValue, ...] = ()
    options: list[ResolvValue] = []
    for number, line in lines:
        words = line.split()
        if not words or line[0] in "#;":
            continue
        keyword, values = words[0], words[1:]
        if keyword == "nameserver" and values:
            servers.append(ResolvValue(value=values[0], line=number))
        elif keyword in ("search", "domain") and values:
            wanted = values if keyword == "search" else values[:1]
            search = tuple(ResolvValue(value=value.rstrip(".").lower(), line=number) for value in wanted)
        elif keyword == "options":
            options += [ResolvValue(value=value, line=number) for value in values]
    return ResolvConfFile(servers=tuple(servers), search=search, options=tuple(options))

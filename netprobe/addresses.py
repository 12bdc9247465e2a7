"""Addresses, and places as people and settings write them: ``HOST``, ``HOST:PORT``, ``[IPv6]:PORT``.

What kind of address a run takes one for (private, sinkholed) is the business of ``netprobe.diagnosis``.
"""

from __future__ import annotations

import functools
import ipaddress

import msgspec

MOST_PORT = 65535
_LONGEST_PORT = 5


class WrittenPlace(msgspec.Struct, frozen=True):
    """A place taken apart.

    Attributes:
        host: a name or an address, brackets undone.
        port: what stands behind the colon, maybe nothing and maybe no number; None where there is no colon.
        is_whole: whether that is all of it; false where something else follows a bracket, or nothing closes it.
    """

    host: str
    port: str | None = None
    is_whole: bool = True


def take_apart(text: str) -> WrittenPlace:
    """Take a host and the port behind it apart; an address of IPv6 has brackets where a port follows."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        return WrittenPlace(host, port if colon == ":" else None, bool(bracket) and colon in ("", ":"))
    if text.count(":") != 1:
        return WrittenPlace(text)
    host, _, port = text.partition(":")
    return WrittenPlace(host, port)


def port_number(text: str | None, *, least: int = 1) -> int | None:
    """A port's number as it is written, without sign, blank or another script's digits; None where it is none."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_PORT):
        return None
    return int(text) if least <= int(text) <= MOST_PORT else None


@functools.lru_cache(maxsize=4096)
def read(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address literal, with or without a zone; None for anything else."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def is_address(text: str) -> bool:
    """Whether a host is written as an address."""
    return read(text) is not None


def is_loopback(text: str) -> bool:
    """Whether it is an address of this very host."""
    address = read(text)
    return address is not None and address.is_loopback


def version_of(address: str) -> int:
    """4 or 6, of what is known to be an address."""
    return 6 if ":" in address else 4

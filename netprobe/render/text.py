"""Text that may reach a template, and the only ways to make it.

A configuration file is code for a firewall. So a template can print nothing but integers and :class:`Text`, and
``Text`` is made only here, each kind from a value that was checked to be of that kind: there is no way to print a
plain string (the engine's ``finalize`` refuses it). The alphabets are narrow enough that a value cannot end a line,
a quote, a comment or a shell word in any language that we write; ``words`` and ``line``, which hold sentences, replace
what does not fit instead of refusing it, since a sentence is for people only.

It does not escape for one language; the filters of ``render.engine`` do that, and give ``Text`` back.
"""

from __future__ import annotations

import functools
import ipaddress
import re

from netprobe.errors import UsageError
from netprobe.hostnames import HostPattern

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,62}")
_NOT_WORDS = re.compile(r"[^A-Za-z0-9 .,:()/+=_@*-]")
_NOT_LINE = re.compile(r"[^\x20-\x7e]")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Text(str):
    """A string that was validated; the only kind of string that a template can print."""

    __slots__ = ()


@functools.lru_cache(maxsize=1 << 14)
def name(value: str) -> Text:
    """A host name or host pattern.

    Raises:
        InvalidHostnameError: it is neither.
    """
    return Text(HostPattern.parse(value).pattern)


def suffix(value: str) -> Text:
    """What follows an asterisk: a literal host name.

    Raises:
        InvalidHostnameError: it is not a host name, or it holds an asterisk.
    """
    return Text(HostPattern.parse(value).host().name)


def regex(pattern: str, *, anchored: bool = True) -> Text:
    """The regular expression of a host pattern, which POSIX ERE, PCRE2, RE2 and JavaScript read alike.

    Args:
        pattern: a host pattern, which is validated here.
        anchored: put ``^`` and ``$`` around it; engines that always match the whole name do without.
    """
    body = HostPattern.parse(pattern).regex()
    return Text(f"^{body}$" if anchored else body)


@functools.lru_cache(maxsize=1 << 16)
def network(value: str) -> Text:
    """An address or network, in its canonical form; host bits are refused, since engines mask them in silence.

    Raises:
        UsageError: it is not a network.
    """
    try:
        if "%" in value:
            # RFC 4007: what follows is a zone, which Python takes as any text at all.
            raise ValueError("a zone")
        return Text(ipaddress.ip_network(value))
    except ValueError as exc:
        raise UsageError(value, "this is not an IP network", "give networks such as 192.0.2.0/24") from exc


def identifier(value: str) -> Text:
    """A word that names an object on a device: letters, digits, ``_``, ``-``, ``.``; it begins with a letter.

    Raises:
        UsageError: it is anything else.
    """
    if not _IDENTIFIER.fullmatch(value):
        raise UsageError(value, "this cannot name an object on a device", "use letters, digits, hyphens (at most 63)")
    return Text(value)


@functools.lru_cache(maxsize=1 << 14)
def words(value: str, limit: int = 120) -> Text:
    """Free text that is harmless inside any quote or comment; every other character becomes a space."""
    safe = _NOT_WORDS.sub(" ", value[: limit + 1]).replace("*/", "* /").replace("/*", "/ *")
    return Text(" ".join(re.sub(r"-{2,}", "-", safe).split())[:limit].rstrip("-*/ "))


def command(value: str) -> Text:
    """One line that a template of ours wrote, for a tool that types it: printable ASCII, never shortened.

    Raises:
        ValueError: it holds something else, which no template can have printed.
    """
    if _NOT_LINE.search(value) or value != value.strip() or not value:
        raise ValueError(f"{value!r} is not one line of a device's language")
    return Text(value)


def line(value: str, limit: int = 4000) -> Text:
    r"""One line of a header: printable ASCII without a backslash at its end; only the filter ``comment`` prints it."""
    safe = value if len(value) <= limit else value[: limit - 4] + " ..."
    return Text(_NOT_LINE.sub("?", safe).rstrip("\\ "))

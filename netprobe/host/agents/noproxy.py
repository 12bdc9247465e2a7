"""NO_PROXY as the programs of the host read it. There is no standard; the same value means different things.

Two readers matter here. **Go** (``golang.org/x/net/http/httpproxy``, read 2026-11-23) is what the SSM agent, Docker and
ecs-init use, and the ECS agent carries a copy of it (``ecs-agent/utils/httpproxy/proxy.go``): commas only, a name also
stands for its subdomains, ``.name`` and ``*.name`` for the subdomains alone, addresses and CIDR, an optional port, a
lone ``*`` for everything, and loopback is never proxied. **curl** (``lib/noproxy.c``, read 2026-11-23), which the
install script, dnf and yum use: a leading dot is ignored, CIDR holds for address literals (from 7.86), ``*`` counts
only when it is the whole value, there are no ports, and blanks separate entries as commas do (asked of curl 7.88; its
newest source ends the list there, which is why a value with commas is the one to write).

Nothing here reads an environment or resolves a name.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum

from netprobe import addresses
from netprobe.errors import redacted


class NoProxyDialect(StrEnum):
    """Whose reading of NO_PROXY."""

    GO = "go"
    CURL = "curl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One entry of the list, as one reader takes it.

    Attributes:
        text: as written.
        ignored: why this reader can never match it, or nothing.
    """

    text: str
    ignored: str = ""


LOOPBACK = "loopback"
"""What :func:`bypass` answers where no token but the reader's own rule exempts the host."""


@functools.lru_cache(maxsize=16)
def tokens(dialect: NoProxyDialect, value: str) -> tuple[Token, ...]:
    """Split a value as a reader does, and say which entries it can never match.

    Many rules ask for the same value, which may have as many entries as a file has room for.

    Args:
        dialect: the reader.
        value: the variable's content.
    """
    return _go_tokens(value) if dialect is NoProxyDialect.GO else _curl_tokens(value)


@functools.lru_cache(maxsize=1024)
def bypass(dialect: NoProxyDialect, value: str, host: str, port: int) -> str | None:
    """Which entry keeps a host from being reached through the proxy.

    Args:
        dialect: the reader.
        value: the variable's content.
        host: a lower-case name without trailing dot, or an address literal.
        port: the TCP port.

    Returns:
        The token as written, :data:`LOOPBACK`, or None where the proxy is used.
    """
    if dialect is NoProxyDialect.GO and (host == "localhost" or addresses.is_loopback(host)):
        return LOOPBACK
    matches = _go_matches if dialect is NoProxyDialect.GO else _curl_matches
    for token in tokens(dialect, value):
        if not token.ignored and matches(token.text, host, port):
            return token.text
    return None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


# --- Go -------------------------------------------------------------------------------------------------------------

_HOST_PORT = re.compile(r"(?:\[(?P<six>[^\[\]]*)\]|(?P<host>[^:\[\]]*)):(?P<port>[^:\[\]]*)")


def _split_port(text: str) -> tuple[str, str]:
    """net.SplitHostPort; without a port the whole text is the host."""
    match = _HOST_PORT.fullmatch(text)
    if match is None:
        return text, ""
    return match["six"] if match["six"] is not None else match["host"], match["port"]


def _go_tokens(value: str) -> tuple[Token, ...]:
    found = []
    for part in value.split(","):
        text = part.strip()
        if text:
            found.append(Token(text=redacted(text), ignored=_go_ignored(text)))
    return tuple(found)


def _go_ignored(text: str) -> str:
    if "://" in text or ("/" in text and _network(text) is None):
        return "a URL or path is no host"
    host, _ = _split_port(text)
    if not host:
        return "there is no host in it"
    if any(c.isspace() for c in text):
        return "entries are separated by commas, not by blanks"
    if "*" in host.removeprefix("*.") and text != "*":
        return "an asterisk counts only alone, or as the whole first label"
    return ""


def _go_matches(text: str, host: str, port: int) -> bool:
    entry = text.lower()
    if entry == "*":
        return True
    address = addresses.read(host)
    if "/" in entry:
        network = _network(entry)
        return network is not None and address is not None and address in network
    name, wanted = _split_port(entry)
    if wanted and wanted != str(port):
        return False
    if (own := addresses.read(name)) is not None:
        return own == address
    name = name.removeprefix("*") if name.startswith("*.") else name
    return host.endswith(name) if name.startswith(".") else host == name or host.endswith("." + name)


# --- curl -----------------------------------------------------------------------------------------------------------


def _curl_tokens(value: str) -> tuple[Token, ...]:
    if value == "*":
        return (Token(text="*"),)
    return tuple(
        Token(text=redacted(text), ignored=_curl_ignored(text)) for text in re.split(r"[ \t,]+", value) if text
    )


def _curl_ignored(text: str) -> str:
    if "://" in text or ("/" in text and _network(text) is None):
        return "a URL or path is no host"
    if "*" in text:
        return "an asterisk counts only when it is the whole value"
    if addresses.read(text.strip("[]")) is None and "/" not in text and ":" in text:
        return "curl knows no ports here"
    return ""


def _curl_matches(text: str, host: str, _port: int) -> bool:
    if text == "*":
        return True
    address = addresses.read(host)
    if address is not None:
        network = _network(text)
        return network is not None and address.version == network.version and address in network
    name = text.lower().rstrip(".").removeprefix(".")
    return bool(name) and (host == name or host.endswith("." + name))

"""A proxy setting as text → a :class:`~netprobe.vantage.ProxyServer`, by the rule that the host's agents use.

Go's ``httpproxy`` (which the ECS agent, SSM agent, Docker and ecs-init follow; read 2026-11-23) takes a URL with scheme
``http``, ``https`` or ``socks5``, and puts ``http://`` before anything else. So ``proxy.corp:3128`` works there, and is
accepted here. What no program could use is refused with one line that never repeats a password.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import unquote, urlsplit

from netprobe.errors import InvalidHostnameError, UsageError, printable
from netprobe.hostnames import Hostname
from netprobe.vantage import ProxyServer

DEFAULT_PORTS = {"http": 80, "https": 443, "socks5": 1080}
"""Go's; curl would take 1080 for http, so a URL without a port is worth a second look."""
_REMEDY = "write it as http://HOST:PORT (https:// for a TLS proxy, socks5:// for SOCKS)"
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def redacted(text: str) -> str:
    """The text with everything before an ``@`` taken out (``%40`` to who encoded too much), fit for a message."""
    scheme = re.match(r"(?i)(?:[a-z0-9]{1,10}://)?", text)
    assert scheme is not None
    *secret, rest = re.split(r"(?i)@|%40", text[scheme.end() :])
    return printable(scheme[0] + ("***@" if any(secret) else "") + rest)


def safe(text: str) -> str:
    """A setting without credentials, alike for all spellings of the same proxy; redacted where it is none."""
    try:
        return parse(text).safe
    except UsageError:
        return redacted(text)


def parse(text: str, *, source: str = "") -> ProxyServer:
    """Read one proxy setting.

    Args:
        text: the value of ``HTTPS_PROXY`` or ``--proxy``.
        source: where it came from, for the report.

    Raises:
        UsageError: it names no proxy that a program could use; the message holds no credentials.
    """

    def bad(reason: str) -> UsageError:
        return UsageError(redacted(text), reason, _REMEDY)

    value = text if re.match(r"(?i)(?:https?|socks5h?)://", text) else f"http://{text}"
    if any(c.isspace() or not c.isprintable() for c in text):
        raise bad("a proxy URL holds no blanks or control characters")
    if text[:1] in {'"', "'"}:
        raise bad("the quotes are part of the value")
    if "://" in text and value != text:
        raise bad("a proxy is reached by http, https or socks5")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise bad("it is not a URL") from None
    scheme = parts.scheme.lower().removesuffix("h")
    if not parts.hostname:
        raise bad("there is no host in it")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise bad("a proxy is a host and a port, without a path")
    return ProxyServer(
        scheme=scheme,
        host=_host(parts.hostname, bad("its host is neither a name nor an address")),
        port=DEFAULT_PORTS[scheme] if port is None else port,
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        source=source,
    )


def _host(text: str, otherwise: UsageError) -> str:
    """A name, a name of one label (resolved through the search list) or an address literal, in lower case."""
    host = text.lower()
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        if _LABEL.fullmatch(host) and not host.isdigit():
            return host
    try:
        return Hostname.parse(host).name
    except InvalidHostnameError:
        raise otherwise from None

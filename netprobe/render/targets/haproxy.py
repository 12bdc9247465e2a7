"""HAProxy: which TLS server names pass, without decryption, to an address that HAProxy itself resolves.

Clients reach it by a redirect or because DNS points the names at it. It reads the server name of the ClientHello,
refuses what is not listed, resolves an admitted name and connects there: the client's own idea of the address does not
count, so a client cannot say one name and reach another address. Traps, seen on HAProxy 2.6.12:

- ``-m dom`` would admit everything beneath a name too; names are compared whole (``-i``), patterns with ``-m reg``;
- a comment behind a pattern in a list file becomes part of the pattern, which then never matches: comments stand on
  lines of their own;
- a line holds at most 64 words, so names stand in list files, or one a line;
- without an ``inspect-delay`` the rules are asked before the ClientHello is there.

An empty list file is fine and admits nothing; a list that is not there is an error, as it should be.
"""

from __future__ import annotations

from collections.abc import Mapping

from netprobe.catalog.model import Endpoint
from netprobe.render.model import (
    Commands,
    Comment,
    DeviceCapability,
    Dialect,
    File,
    Form,
    Layer,
    Lowered,
    Policy,
    Scope,
    Source,
    TargetProof,
)

NAME = "haproxy"
TITLE = "HAProxy (TLS server name)"
LAYER = Layer.SNI
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    beyond=(
        "IPv6 is not governed: it connects by IPv4 alone, and the listener of --enforce is for IPv4 alone",
        "QUIC does not pass through it: the gateway that redirects must refuse UDP 443",
    ),
    forms=frozenset({Form.EXACT, Form.REGEX}),
    regex=Dialect.PCRE,
    tls_only=True,
    default_action="connection closed, also where the client gives no server name",
)
HTTPS = 443
"""The port whose names stand in list files, which can be replaced at run time; other ports stay in the main file."""
MAIN = File(name="netprobe.cfg", template="netprobe.cfg.j2")
FILES = (
    File(name="netprobe.cfg", template="netprobe-files.cfg.j2"),
    File(name="netprobe-frontend.cfg", template="frontend.cfg.j2", enforces=False),
    File(name="allow.exact", template="allow.exact.j2"),
    File(name="allow.regex", template="allow.regex.j2"),
)
SCOPE = Scope(
    listens_by_ipv4=True,
    connects_by_ipv4=True,
    clients="acl src",
    sessions="a reload leaves them with the old process until they end; a restart ends them",
)
COMMANDS = Commands(
    check="haproxy -c -f /etc/haproxy/haproxy.cfg (with --enforce also -f /etc/haproxy/netprobe/netprobe.cfg)",
    load="EXTRAOPTS='-f /etc/haproxy/netprobe/netprobe.cfg' in /etc/default/haproxy, then: systemctl restart haproxy",
    replace="rename the new folder into place, then: systemctl reload haproxy (a bad file leaves the old one running)",
    add="netprobe.cfg to the end of haproxy.cfg, netprobe-frontend.cfg into your frontend, then: systemctl reload "
    "haproxy",
    remove="take both out again, then: systemctl reload haproxy",
    rollback="rename the old folder back, then: systemctl reload haproxy",
)
PROOF = TargetProof(engine="haproxy 2.6.12 (Debian 12), 3.0.11 (Debian 13)")
SOURCES = (
    Source(where="haproxy 2.6.12-1+deb12u4, run in a network namespace", read="2026-11-23"),
    Source(where="https://docs.haproxy.org/2.6/configuration.html", read="2026-11-23"),
)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """The port that has list files."""
    return {"https": HTTPS}

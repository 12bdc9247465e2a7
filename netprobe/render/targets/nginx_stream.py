"""nginx as a stream proxy: which TLS server names pass, without decryption, to an address that nginx itself resolves.

``ssl_preread`` reads the server name of the ClientHello, a ``map`` for each port turns a listed name into where to go
and everything else into nothing, and ``proxy_pass`` to nothing closes the connection. Traps, seen on nginx 1.22.1:

- ``~`` compares with the name as the client spelled it, so expressions begin with ``~*``, which ignores case;
- the default ``map_hash_bucket_size`` of 64 refuses a name of 63 characters, which a bucket for image layers has;
- a wildcard of the map stands for whole labels only, so patterns are expressions;
- without ``hostnames`` a name with a dot at its end is not the same name, as with an expression, so it is left out;
- ``nginx -t`` binds the addresses that it would listen on.

``proxy_pass`` with a variable needs a ``resolver``, and nginx does not read ``/etc/resolv.conf``.
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

NAME = "nginx-stream"
TITLE = "nginx (TLS server name, stream module)"
LAYER = Layer.SNI
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    beyond=(
        "IPv6 is not governed: the listener of --enforce is for IPv4 alone",
        "QUIC does not pass through it: the gateway that redirects must refuse UDP 443",
    ),
    forms=frozenset({Form.EXACT, Form.REGEX}),
    regex=Dialect.PCRE,
    tls_only=True,
    default_action="connection closed, also where the client gives no server name",
)
MAIN = File(name="netprobe.conf", template="netprobe.conf.j2")
FILES = (MAIN, File(name="netprobe-inside.conf", template="inside.j2", enforces=True))
SCOPE = Scope(
    listens_by_ipv4=True,
    narrows=False,
    clients="geo on the client address",
    sessions="a reload leaves them with the old workers until they end; a restart ends them",
)
COMMANDS = Commands(
    check="nginx -t",
    load="include /etc/nginx/netprobe/netprobe.conf at the top level of nginx.conf, then: nginx -t && systemctl reload "
    "nginx",
    replace="rename the new folder into place, then: nginx -t && systemctl reload nginx",
    add="include /etc/nginx/netprobe/netprobe.conf inside your map, then: nginx -t && systemctl reload nginx",
    remove="take the include line out, then: nginx -t && systemctl reload nginx",
    rollback="rename the old folder back, then: systemctl reload nginx",
)
PROOF = TargetProof(engine="nginx 1.22.1 with libnginx-mod-stream (Debian 12)")
SOURCES = (
    Source(where="nginx 1.22.1-9+deb12u11, run in a network namespace", read="2026-11-23"),
    Source(where="https://nginx.org/en/docs/stream/ngx_stream_map_module.html", read="2026-11-23"),
    Source(where="https://nginx.org/en/docs/stream/ngx_stream_ssl_preread_module.html", read="2026-11-23"),
)
context = plain_context

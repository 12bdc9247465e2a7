"""PAC: where a client sends its requests, by name and port. Advice to the client; it enforces nothing.

``FindProxyForURL`` gives ``netprobeAllowed`` for what is listed and ``netprobeElse``, a proxy that is not there, for
everything else. Names are compared with ``===`` and patterns with anchored JavaScript expressions, after the host was
put into lower case: ``shExpMatch`` would let an asterisk cross dots. The language is that of ECMAScript 3, since old
clients still run their PAC files in it. No DNS function is called, for those block a browser.
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

NAME = "pac"
TITLE = "proxy auto-configuration (PAC)"
LAYER = Layer.CLIENT
COMMENT = Comment.SLASHES
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.REGEX}),
    regex=Dialect.JAVASCRIPT,
    default_action="sent to a proxy on the client's own port 9, which is not there; edit netprobeElse for another way",
)
MAIN = File(name="netprobe.pac", template="netprobe.pac.j2")
FILES = (MAIN,)
SCOPE = Scope(
    narrows=False,
    instead="it is advice to clients, the same for every one that reads it",
    sessions="a client asks the file for new connections only",
)
COMMANDS = Commands(
    check="node --check < netprobe.pac",
    load="serve it as application/x-ns-proxy-autoconfig, and give clients its address (policy, DHCP option 252, WPAD)",
    replace="rename the new file into place on the web server; clients read it at their next start or network change",
    rollback="rename the old file back",
)
PROOF = TargetProof(engine="node 20.20.2 (V8)")
SOURCES = (
    Source(
        where="https://developer.mozilla.org/en-US/docs/Web/HTTP/Guides/Proxy_servers_and_tunneling/"
        "Proxy_Auto-Configuration_PAC_file",
        read="2026-11-23",
    ),
    Source(where="node 20.20.2, run", read="2026-11-23"),
)
context = plain_context

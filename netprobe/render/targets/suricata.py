"""Suricata as an intrusion prevention system: pass rules on the TLS server name, then what drops the rest.

Decides on the server name in the ClientHello. Every pattern has an exact form: ``content`` with ``startswith`` and
``endswith`` for a name, an anchored ``pcre`` for a pattern (without it the asterisk would cross dots). Each seen on
Suricata 7.0.10:

- pass comes before drop in the default order of actions, and a flow that passed is not looked at again;
- a drop rule without ``ssl_state:client_hello`` fires on the first half of a ClientHello that came in two packets (with
  post-quantum keys most do), before the name could be read;
- what is no TLS at all is dropped once its protocol is known; what Suricata does not know is dropped once the client
  has sent 16 KiB, because nothing else tells it from a ClientHello that is still on its way;
- without inline mode (NFQ, AF_PACKET) a drop rule only reports: it **fails open**.
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

NAME = "suricata"
TITLE = "Suricata rules (inline)"
LAYER = Layer.SNI
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    beyond=(
        "a server name that holds a NUL is compared up to it",
        "up to 16 KiB of a protocol that is not known pass before it is dropped",
    ),
    forms=frozenset({Form.EXACT, Form.REGEX}),
    regex=Dialect.PCRE,
    tls_only=True,
    default_action="dropped on the ports named above, TCP and UDP, from $HOME_NET to $EXTERNAL_NET; "
    "other ports are not touched, and a pass rule of yours goes before them",
)
MAIN = File(name="netprobe.rules", template="netprobe.rules.j2")
FILES = (MAIN,)
SCOPE = Scope(
    clients="the networks of --source in place of $HOME_NET",
    sessions="a flow that was passed stays passed until it ends; one that is open when the rules come shows "
    "no ClientHello any more",
)
COMMANDS = Commands(
    check="suricata -T -c /etc/suricata/suricata.yaml -S netprobe.rules",
    load="name netprobe.rules under rule-files in suricata.yaml, then: suricatasc -c reload-rules",
    replace="rename the new file into place, then: suricatasc -c reload-rules",
    rollback="rename the old file into place, then: suricatasc -c reload-rules",
)
PROOF = TargetProof(
    engine="suricata 7.0.10 (Debian 12 backports)", grammar="rule headers and options, where it is missing"
)
SOURCES = (
    Source(where="suricata 7.0.10, replaying captures", read="2026-11-23"),
    Source(where="https://docs.suricata.io/en/suricata-7.0.10/rules/tls-keywords.html", read="2026-11-23"),
    Source(where="suricata 7.0.10, inline by NFQUEUE, rules reloaded by socket and by SIGUSR2", read="2026-11-29"),
)
FIRST_PASS, FIRST_DROP = 1_000_001, 1_900_001
"""Signature ids; those from 1000000 to 1999999 are for local use (Suricata, rule format)."""


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """Where the signature ids begin."""
    return {"first_pass": FIRST_PASS, "first_drop": FIRST_DROP}

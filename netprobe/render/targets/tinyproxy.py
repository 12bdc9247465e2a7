r"""tinyproxy: who may CONNECT where, by one regular expression a line.

Decides on the name in the client's request. Every pattern, and every plain name too, is an anchored POSIX extended
expression, which tinyproxy matches whatever the case. Traps, each seen on tinyproxy 1.11.1:

- ``FilterDefaultDeny Yes`` makes the list one of what is allowed; **without it the same list is what is blocked**, and
  all else is open. tinyproxy.conf has no include, so the output holds a whole tinyproxy.conf that says it;
- without ``FilterType ere`` expressions are basic ones, in which ``+`` is a plus sign: ``[a-z0-9-]+`` matches nothing;
- ``FilterType fnmatch`` lets an asterisk cross dots, so it is not used;
- a bad expression or a missing list ends tinyproxy at start, and at SIGUSR1 (reload) too;
- a line of the list is read up to 511 characters, and the rest of it as a line of its own.

``ConnectPort`` limits CONNECT for all names alike, so a rule is not bound to a port, and plain HTTP to an admitted
name passes on any port.
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

NAME = "tinyproxy"
TITLE = "tinyproxy"
LAYER = Layer.CONNECT
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    beyond=("plain HTTP goes to any port of a listed name; ConnectPort limits CONNECT alone",),
    forms=frozenset({Form.REGEX}),
    regex=Dialect.POSIX_ERE,
    ports=False,
    max_entry_length=510,
    default_action="denied (403)",
)
MAIN = File(name="netprobe.filter", template="netprobe.filter.j2")
FILES = (File(name="tinyproxy.conf", template="tinyproxy.conf.j2", enforces=True), MAIN)
SCOPE = Scope(
    narrows=False,
    instead="give --every-client, or use squid, which tells clients apart",
    sessions="a restart ends them; a reload (SIGUSR1) does not",
)
COMMANDS = Commands(
    check="timeout 3 tinyproxy -d -c FILE, with another Port in it (a bad list ends it at once, a good one after 3 s)",
    load="put both files into /etc/tinyproxy, then: systemctl restart tinyproxy",
    replace="rename the new netprobe.filter into place, then: systemctl restart tinyproxy",
    add="add the lines of netprobe.filter to your list, then: systemctl restart tinyproxy",
    remove="take the lines out again, then: systemctl restart tinyproxy",
    rollback="rename the old netprobe.filter back, then: systemctl restart tinyproxy",
)
PROOF = TargetProof(engine="tinyproxy 1.11.1 (Debian 12)")
SOURCES = (
    Source(where="tinyproxy 1.11.1-2.1+deb12u1, run on loopback", read="2026-11-23"),
    Source(where="tinyproxy.conf(5)", read="2026-11-23"),
)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """Every port that is asked for: entries that differ only in the port are one here."""
    return {"ports": tuple(sorted({endpoint.port for endpoint in endpoints}))}

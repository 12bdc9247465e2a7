"""Cisco ASA: ``fqdn`` network objects and an access list of its own.

The device resolves each name itself and admits the addresses; no wildcards of any kind. An object is only resolved
while an access list uses it. The list ends with the denial for our hosts; behind it stands the device's implicit
denial of everything, which matters when the list is bound to an interface (see the page).

Never ``clear configure access-list`` outside a configuration session: it takes the access group with it, and the
interface then admits everything that its security level allows. So the file holds no such command; the page does it
in a session. What only addresses can say becomes a ``subnet`` object. It cannot be run here: the tests read every
line with a reader of their own.
"""

from __future__ import annotations

from collections.abc import Mapping

from netprobe.catalog.model import Endpoint
from netprobe.render.model import (
    Commands,
    Comment,
    DeviceCapability,
    File,
    Form,
    Layer,
    Lowered,
    Policy,
    Scope,
    Source,
    TargetProof,
)
from netprobe.render.naming import Named

NAME = "cisco-asa"
TITLE = "Cisco ASA (FQDN objects)"
LAYER = Layer.DNS_TO_IP
COMMENT = Comment.BANG
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.ADDRESS}),
    default_action="denied by the last lines of the access list netprobe, TCP and UDP, on the ports named above; "
    "then by the implicit denial",
)
MAIN = File(name="netprobe.asa", template="netprobe.asa.j2")
FILES = (MAIN,)
SCOPE = Scope(
    clients="the object group netprobe-hosts, which is made from --source",
    sessions="they stay open until they end; clear conn ends them",
)
COMMANDS = Commands(
    check="show configuration session netprobe",
    load="configure session netprobe, paste netprobe.asa, commit noconfirm revert-save",
    replace="the same in a new session, with clear configure access-list netprobe first (the page says how)",
    rollback="configure session netprobe, revert",
)
PROOF = TargetProof(grammar="ASA object and access-list syntax")
SOURCES = (
    Source(where="Cisco ASA Series Firewall CLI Configuration Guide, chapter 3 (sessions)", read="2026-11-26"),
    Source(where="https://community.cisco.com (tac-p/4029043)", read="2026-11-23"),
    Source(
        where="https://www.cisco.com/c/en/us/td/docs/security/asa/asa922/configuration/firewall/"
        "asa-922-firewall-config/access-objects.html (names of objects: at most 64 characters)",
        read="2026-11-29",
    ),
)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """An object for each name and network, once each, and a line for each entry."""
    lines = tuple(Named.of(entry, limit=63) for entry in lowered.entries)
    return {"lines": lines, "objects": tuple({one.name: one for one in lines}.values())}

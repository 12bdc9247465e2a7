"""Unbound: which names resolve, by two response policy zones.

Two ``rpz:`` clauses, in this order: one whose zone lets names pass, one whose zone holds nothing but ``* CNAME .``.
**In one zone this fails open**: a DNS wildcard stands only for names whose closest ancestor in the zone is its own
parent (RFC 4592 section 3.3.1), so siblings of a listed name would pass. An owner ``*.x`` covers every depth beneath
``x`` and not ``x``; ``ecs-a-*`` would be a literal label that nothing matches, so it is never written.

Seen with Unbound 1.17.1: without ``respip`` in ``module-config`` it does not start, so the file sets the modules;
``unbound-checkconf`` does not read the zones. In releases before 1.16 a name that passes the first zone is still judged
by the second (NLnetLabs/unbound issue 628), which denies too much, never too little.

It decides about names only: a client that knows an address, or asks another resolver, goes around it.
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

NAME = "rpz-unbound"
TITLE = "Unbound (two response policy zones)"
LAYER = Layer.DNS
COMMENT = Comment.SEMICOLON
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.SUFFIX}),
    ports=False,
    # An owner name and the name of its policy zone fit into one name: 253 - len("-allow.rpz") - 17 for the stem.
    max_entry_length=226,
    default_action="the name does not exist (NXDOMAIN)",
)
MAIN = File(name="netprobe-rpz.sh", template="netprobe-rpz.sh.j2")
FILES = (
    File(name="netprobe-allow.rpz", template="netprobe-allow.rpz.j2"),
    File(name="netprobe-deny.rpz", template="netprobe-deny.rpz.j2", enforces=True),
    File(name="netprobe.conf", template="netprobe.conf.j2"),
)
SCOPE = Scope(
    clients="access-control-tag",
    sessions="a connection needs no name any more once it is open, so it stays open",
)
COMMANDS = Commands(
    check="unbound-checkconf, and for the zones: named-checkzone netprobe-allow.rpz netprobe-allow.rpz",
    load="include netprobe.conf before the first rpz clause, then: unbound-checkconf && unbound-control reload",
    replace="rename the new netprobe-allow.rpz into place, then: unbound-control auth_zone_reload netprobe-allow.rpz",
    rollback="rename the old netprobe-allow.rpz into place, then: unbound-control auth_zone_reload netprobe-allow.rpz",
)
PROOF = TargetProof(engine="unbound 1.17.1 (Debian 12)")
SOURCES = (
    Source(where="unbound 1.17.1-2+deb12u4, run on loopback of a network namespace", read="2026-11-23"),
    Source(where="https://unbound.docs.nlnetlabs.nl/en/latest/topics/filtering/rpz.html", read="2026-11-23"),
    Source(where="RFC 4592 section 3.3.1", read="2026-11-23"),
)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """The comment style of the file that is not a zone."""
    return {"hash": Comment.HASH}

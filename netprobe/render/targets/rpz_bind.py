"""BIND 9: which names resolve, by two response policy zones.

Two zones, in this order: one that lets names pass, one that holds nothing but ``* CNAME .`` and so denies the rest.
**In one zone this fails open**: a DNS wildcard stands only for names whose closest ancestor in the zone is its own
parent (RFC 4592 section 3.3.1), so beside ``ecs.us-east-2.amazonaws.com`` the asterisk no longer covers anything that
ends in ``com``. An owner ``*.x`` covers every depth beneath ``x`` and not ``x``; ``ecs-a-*`` would be a literal label,
which ``named-checkzone`` accepts and no query ever matches, so it is never written.

More that would let names through, closed by the options: with ``recursive-only yes`` (the default) a client that asks
without recursion gets what the cache holds (seen with 9.18); without ``break-dnssec yes`` a client that asks for
signatures gets the answers of signed zones (documented); without ``min-update-interval 0`` a list that was replaced is
in force up to a minute later (seen). A zone that does not load is left out of the policy, so the
check is ``named-checkconf -z``, and the page says how to see both zones at work.

It decides about names only: a client that knows an address, or asks another resolver, goes around it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from netprobe.catalog.model import Endpoint
from netprobe.render import text
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
from netprobe.render.policy import everybody_else
from netprobe.render.text import Text

NAME = "rpz-bind"
TITLE = "BIND 9 (two response policy zones)"
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
    File(name="netprobe-others.rpz", template="netprobe-others.rpz.j2", enforces=True, scoped=True),
    File(name="netprobe-zones.conf", template="netprobe-zones.conf.j2"),
    File(name="netprobe-options.conf", template="netprobe-options.conf.j2"),
)
SCOPE = Scope(
    narrows=False,
    clients="rpz-client-ip: a zone before it passes everybody else",
    sessions="a connection needs no name any more once it is open, so it stays open",
)
COMMANDS = Commands(
    check="named-checkconf -z (it must print both zones as loaded)",
    load="include netprobe-options.conf inside options and netprobe-zones.conf after them, then: rndc reconfig",
    replace="touch the new netprobe-allow.rpz, rename it into place, then: rndc reload netprobe-allow.rpz",
    rollback="touch the old netprobe-allow.rpz (BIND loads no file older than its zone), rename it into place, then: "
    "rndc reload netprobe-allow.rpz",
)
PROOF = TargetProof(engine="BIND 9.18 (Debian 12)")
SOURCES = (
    Source(where="BIND 9.18.49, run on loopback of a network namespace", read="2026-11-23"),
    Source(where="https://bind9.readthedocs.io/en/v9.18.14/reference.html (response-policy)", read="2026-11-23"),
    Source(where="BIND 9.18.49, run again: rndc reload of an older file, min-update-interval", read="2026-11-29"),
    Source(where="RFC 4592 section 3.3.1", read="2026-11-23"),
)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """The comment style of the files that are not zones, and the owners that stand for everybody but the hosts."""
    others = everybody_else(policy.sources) if policy.sources else ()
    return {"hash": Comment.HASH, "others": tuple(_client(ipaddress.ip_network(one)) for one in others)}


def _client(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> Text:
    """A network as BIND writes one in front of ``rpz-client-ip``: prefix length, then the address backwards."""
    if network.version == 4:
        parts = str(network.network_address).split(".")
    else:
        parts = [f"{int(part, 16):x}" for part in network.network_address.exploded.split(":")]
    return text.words(".".join((str(network.prefixlen), *reversed(parts))))

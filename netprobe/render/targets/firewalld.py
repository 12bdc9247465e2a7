"""firewalld: a policy for what this host sends, with ipsets; XML files as firewalld itself would write them.

Knows addresses only: a name in an ipset is refused (INVALID_ENTRY), and one in a rich rule too (INVALID_ADDR). The
policy goes from HOST to ANY and continues with the site's own rules, so it must refuse by itself what it does not
admit: rules with priorities, since firewalld sorts rules without them by what they do, denials first. HTTPS has its
addresses in two ipsets (one family each); other ports are rare and have them in the policy, as has the form for stdout.

Connections that are open already go on (firewalld admits established ones first), and loopback is not touched.
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

NAME = "firewalld"
TITLE = "firewalld (policy and ipsets)"
LAYER = Layer.IP
COMMENT = Comment.XML
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.ADDRESS}),
    default_action="refused (ICMP) on the ports named above; other ports and forwarded packets are not touched",
    max_entries=65536,
)
HTTPS = 443
"""The port whose addresses stand in ipsets; a rule of its own for each address would be slow to load."""
MAIN = File(name="netprobe.xml", template="netprobe.xml.j2")


def _has_https(lowered: Lowered) -> bool:
    return lowered.has(Form.ADDRESS, HTTPS)


FILES = (
    File(name="netprobe.xml", template="netprobe-sets.xml.j2"),
    File(name="netprobe-443-v4.xml", template="netprobe-443-v4.xml.j2", when=_has_https),
    File(name="netprobe-443-v6.xml", template="netprobe-443-v6.xml.j2", when=_has_https),
)
SCOPE = Scope(
    narrows=False,
    own_host=True,
    instead="use nftables or iptables, which tell the hosts apart on a router",
    sessions="they stay open: firewalld admits established ones first",
)
COMMANDS = Commands(
    check="firewall-offline-cmd --check-config",
    load="cp netprobe-443-v?.xml /etc/firewalld/ipsets/ && cp netprobe.xml /etc/firewalld/policies/ && "
    "firewall-cmd --check-config && firewall-cmd --reload",
    replace="the same; never reload without --check-config: a file with a mistake is left out, and refuses nothing",
    rollback="the same with the old files; to be without it, remove them, then: firewall-cmd --reload",
)
PROOF = TargetProof(engine="firewalld 1.3.3 with nftables 1.0.6 (Debian 12)")
SOURCES = (
    Source(where="firewalld 1.3.3, offline and in a network namespace", read="2026-11-23"),
    Source(where="https://firewalld.org/documentation/man-pages/firewalld.policy.html", read="2026-11-23"),
    Source(where="https://firewalld.org/documentation/man-pages/firewalld.richlanguage.html", read="2026-11-23"),
)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """The port that has ipsets, and their size, which is the number of entries that lowering holds the target to."""
    return {"https": HTTPS, "maxelem": CAPABILITY.max_entries}

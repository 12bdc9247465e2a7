"""dnsmasq with ipset: the addresses that it resolved for the endpoints' names, and no others.

``ipset=/x/SET`` puts what ``x`` **and every name beneath it** resolves to into a set: there is no exact form, and an
asterisk is a literal that ``dnsmasq --test`` accepts and nothing matches, so none is written. Where dnsmasq has
connection marks (Debian's has), ``dnsmasq-connmark`` says every pattern exactly and should be preferred. A chain of
packet filter rules admits the sets and refuses the rest, so a client that asks another resolver, or no resolver,
reaches nothing.

Traps that the output avoids, each seen with dnsmasq 2.90 and ipset 7.17: an answer from dnsmasq's cache touches no
set, so a set that was emptied would stay empty (``cache-size=0``); SIGHUP does not read ``ipset=`` again (restart); a
set that does not exist is passed over in silence, which admits nothing. Addresses leave the sets a day after they were
last resolved; connections that are open then stay open.

Names that share an address share its fate: an address that an admitted name resolved to is open for any server name.
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
from netprobe.render.text import identifier

NAME = "dnsmasq-ipset"
TITLE = "dnsmasq and ipset (addresses that it resolved)"
LAYER = Layer.DNS_TO_IP
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.SUBTREE}),
    ports=False,
    default_action="refused (TCP reset, ICMP) on the endpoints' ports; "
    "other ports and forwarded packets are not touched",
)
MAIN = File(name="netprobe.sh", template="netprobe.sh.j2")
FILES = (
    File(name="netprobe.dnsmasq.conf", template="netprobe.dnsmasq.conf.j2"),
    File(name="netprobe.ipset", template="netprobe.ipset.j2"),
    File(name="netprobe.rules.v4", template="netprobe.rules.v4.j2"),
    File(name="netprobe.rules.v6", template="netprobe.rules.v6.j2"),
    File(name="apply.sh", template="apply.sh.j2"),
)
SCOPE = Scope(
    clients="a set of source networks",
    own_host=True,
    sessions="they stay open: what is established returns to your own rules",
)
COMMANDS = Commands(
    check="dnsmasq --test -C netprobe.dnsmasq.conf",
    load="sh apply.sh && cp netprobe.dnsmasq.conf /etc/dnsmasq.d/netprobe.conf && systemctl restart dnsmasq",
    replace="the same again: the sets are emptied, and fill as names are asked for",
    rollback="the same with the old files; to be without it: iptables -D OUTPUT ! -o lo -j NETPROBE-DNS, and ip6tables",
)
PROOF = TargetProof(engine="dnsmasq 2.90, ipset 7.17, iptables 1.8.9 (nf_tables) (Debian 12)")
SOURCES = (
    Source(where="dnsmasq 2.90, ipset 7.17 and iptables 1.8.9, run in network namespaces", read="2026-11-23"),
    Source(where="https://thekelleys.org.uk/dnsmasq/docs/dnsmasq-man.html (--ipset)", read="2026-11-23"),
)
KEPT = 86400
"""Seconds that an address stays after it was last resolved: far above any TTL, and no reason to be open for ever."""


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """The ports that the rules govern (entries are joined over ports), and what shared templates call things here."""
    return {
        "ports": sorted({int(endpoint.port) for endpoint in endpoints}),
        "timeout": KEPT,
        "directive": identifier("ipset"),
        "local_hook": identifier("OUTPUT"),
    }

"""dnsmasq with connection marks and ipset: exact names and in-label globs, at the packet filter.

``connmark-allowlist`` answers a query whose connection has the mark only if the name fits a pattern; an asterisk stays
inside its label and also stands for nothing, and names whose labels begin or end with a hyphen are never admitted. What
is not answered is refused, so exactly the admitted names' addresses get into the sets. A chain of packet filter rules
admits the sets and refuses the rest. It is the only exact form at the packet filter that stock Debian has.

**dnsmasq answers every query that has no mark**, by design. Each way to come without one, and what closes it:

- no rule that marks: ``NETPROBE-MARK`` marks what arrives at port 53 of this host, over UDP and TCP, IPv4 and IPv6;
- a rule that is gone, or a packet that is not tracked: ``NETPROBE-ASK`` drops what arrives there without the mark. It
  asks for the mark, not for its absence: a packet without a connection has no mark that could be absent;
- ``bind-interfaces``, where the mark cannot be read and everything is answered: ``bind-dynamic`` is written, and
  dnsmasq does not start with both.

**It does not compare the last label** (``is_dns_name_matching_pattern`` leaves its loop at the end of both names, which
it takes for a match; seen with 2.90): ``ecs.us-east-2.amazonaws.net`` passes. So only names beneath the domains (the
last two labels) of the patterns get into the sets and to the servers, and ``address=/#/#`` gives every other name the
null address; ``address=/#/`` would not, beside a ``server=`` without a domain.

Also seen with dnsmasq 2.90: marks are read in decimal only; a line has at most 1024 characters, and each pair of mark
and mask may stand once, so each pattern has a line and a mask of its own, which all leave the one bit that
``connmark-allowlist-enable`` leaves; answers from the cache touch no set (``cache-size=0``); SIGHUP reads none of it
again (restart). The mark is one bit, so that marks of other programs stay what they are.
"""

from __future__ import annotations

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

NAME = "dnsmasq-connmark"
TITLE = "dnsmasq with connection marks, and ipset (exact patterns)"
LAYER = Layer.DNS_TO_IP
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.GLOB}),
    empty_star=True,
    glob_hostnames_only=True,
    ports=False,
    default_action="names are refused (REFUSED); addresses are refused (TCP reset, ICMP) on the endpoints' ports; "
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
    additive=False,
    instead="use dnsmasq-ipset to allow, or --enforce --every-client on a dnsmasq that serves the hosts alone",
    sessions="they stay open: what is established returns to your own rules",
)
COMMANDS = Commands(
    check="dnsmasq --test (with all of its configuration)",
    load="cp netprobe.dnsmasq.conf /etc/dnsmasq.d/netprobe.conf && sh apply.sh && systemctl restart dnsmasq",
    replace="the same again: the sets are emptied, and fill as names are asked for",
    rollback="the same with the old files; to be without it, see the page: rules first, then dnsmasq",
)
PROOF = TargetProof(engine="dnsmasq 2.90, ipset 7.17, iptables 1.8.9 (nf_tables) (Debian 12)")
SOURCES = (
    Source(where="dnsmasq 2.90, ipset 7.17 and iptables 1.8.9, run in network namespaces", read="2026-11-23"),
    Source(where="https://thekelleys.org.uk/dnsmasq/docs/dnsmasq-man.html (--connmark-allowlist)", read="2026-11-23"),
)
KEPT = 86400
"""Seconds that an address stays after it was last resolved: far above any TTL, and no reason to be open for ever."""
MARK = 1 << 24
"""One bit that no widespread program takes (kube-proxy has 14 and 15, Tailscale 16 to 23)."""


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """The ports that the rules govern: entries are joined over ports, so these come from the endpoints themselves."""
    domains = sorted({".".join(entry.value.split(".")[-2:]) for entry in lowered.entries})
    return {
        "ports": sorted({int(endpoint.port) for endpoint in endpoints}),
        "zones": tuple(map(text.name, domains)),
        "timeout": KEPT,
        "mark": MARK,
    }

"""iptables with ipset, IPv4 and IPv6: a chain of its own, its addresses in sets that are swapped.

Knows addresses only; ``-d NAME`` would be resolved once, when it is loaded, so no name is ever written. Traps that the
output avoids, each seen with iptables 1.8.9 and ipset 7.17: a set must exist before ``iptables-restore --test``;
``ipset restore`` is not a transaction, so each set is filled under another name and swapped; declaring the chain
empties it, so that loading twice does not double the rules; CRLF and trailing comments are refused; set names have at
most 31 characters.

The chain decides about the ports of the endpoints and nothing else: what it does not admit there it rejects, other
traffic returns. One rule jumps to it, which ``apply.sh`` puts at the head of OUTPUT (or of the chain that is its
argument).
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

NAME = "iptables"
TITLE = "iptables and ipset (Linux)"
LAYER = Layer.IP
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.ADDRESS}),
    default_action="refused (TCP reset, ICMP) on the ports named above; "
    "other ports and forwarded packets are not touched",
    max_entries=65536,
)
MAIN = File(name="netprobe.sh", template="netprobe.sh.j2")
FILES = (
    File(name="netprobe.ipset", template="netprobe.ipset.j2"),
    File(name="netprobe.rules.v4", template="netprobe.rules.v4.j2"),
    File(name="netprobe.rules.v6", template="netprobe.rules.v6.j2"),
    File(name="apply.sh", template="apply.sh.j2"),
)
SCOPE = Scope(
    clients="a set of source networks",
    own_host=True,
    every_port=True,
    keeps=True,
    sessions="they stay open: what is established returns to your own rules",
)
COMMANDS = Commands(
    check="unshare -rn sh -c 'ipset restore < netprobe.ipset && iptables-restore --test netprobe.rules.v4'",
    load="sh apply.sh (or: sh apply.sh FORWARD, on a router)",
    replace="sh apply.sh again: sets are swapped, and the chain is replaced in one transaction",
    remove="iptables -D OUTPUT ! -o lo -j NETPROBE, the same with ip6tables",
    rollback="sh OLD/apply.sh; to be without it: iptables -D OUTPUT ! -o lo -j NETPROBE, the same with ip6tables",
)
PROOF = TargetProof(engine="iptables 1.8.9 (nf_tables), ipset 7.17 (Debian 12)")
SOURCES = (
    Source(where="iptables 1.8.9 and ipset 7.17, run in a network namespace", read="2026-11-23"),
    Source(where="https://ipset.netfilter.org/ipset.man.html", read="2026-11-23"),
)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """The size of the sets (the number of entries that lowering holds the target to), and the chain of this host."""
    return {"maxelem": CAPABILITY.max_entries, "local_hook": identifier("OUTPUT")}

"""nftables: a table of its own, replaced in one transaction.

Knows addresses only; a host name in ``elements`` would be resolved once, when it is loaded, so none is ever written.
Traps that the output avoids, each seen with nft 1.0.6: ``elements = { }`` is a syntax error (the line is left out);
prefixes need ``flags interval`` and overlaps ``auto-merge``; ``delete table`` alone fails on the first load and
``destroy`` is not in 1.0.6 (so: declare, delete, declare again, in one transaction); CRLF is refused.

It governs TCP (and QUIC's UDP) to the ports of the endpoints, for packets that this host itself sends. Forwarded
packets (containers on a bridge, other hosts) and other ports are left to the site's own rules, as the page says.
"""

from __future__ import annotations

from netprobe.render.model import (
    Commands,
    Comment,
    DeviceCapability,
    File,
    Form,
    Layer,
    Scope,
    Source,
    TargetProof,
    plain_context,
)

NAME = "nftables"
TITLE = "nftables (Linux)"
LAYER = Layer.IP
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.ADDRESS}),
    default_action="refused (TCP reset, ICMP) on the ports named above; "
    "other ports and forwarded packets are not touched",
)
MAIN = File(name="netprobe.nft", template="netprobe.nft.j2")
FILES = (MAIN,)
SCOPE = Scope(
    clients="a set of source networks",
    own_host=True,
    every_port=True,
    keeps=True,
    sessions="they stay open: what is established returns to your own rules",
)
COMMANDS = Commands(
    check="nft -c -f /etc/nftables.conf (with --enforce: nft -c -f netprobe.nft)",
    load="nft -f netprobe.nft",
    replace="nft -f your ruleset again (with --enforce: nft -f netprobe.nft, the whole table in one transaction)",
    add="include /etc/nftables.d/netprobe.nft inside your table, jump netprobe first in its chain, nft -f your ruleset",
    remove="take the include and the jump out again, then nft -f your ruleset",
    rollback="nft -f OLD.nft, or nft delete table inet netprobe to be without it",
)
PROOF = TargetProof(engine="nft 1.0.6 (Debian 12)")
SOURCES = (
    Source(where="nftables 1.0.6, run in a network namespace", read="2026-11-23"),
    Source(where="https://www.netfilter.org/projects/nftables/manpage.html", read="2026-11-23"),
)
context = plain_context

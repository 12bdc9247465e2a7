"""VyOS 1.4 and newer: addresses that the router itself resolves for exact names, in domain groups.

A member of ``firewall group domain-group`` is an exact name (validator ``fqdn``: no asterisk). The router resolves each
with its own resolver, every 300 seconds unless ``firewall global-options resolver-interval`` says otherwise, and puts
the addresses into sets of nftables, for IPv4 and IPv6 apart. So hosts must ask the same resolver, or answers that
differ (many of AWS's names are balanced by DNS) are refused now and then.

The rules are a chain of their own, whose default action is to return: which number of the forward filter is free, and
stands in front of what denies, only the site knows, and a number that is taken already would be overwritten in silence.
So one rule that jumps there is left to the operator. ``commit`` takes all of it or nothing. A rule with
``state established`` in front, as VyOS's own examples have it, keeps what is open.

Names that share an address share its fate.
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

NAME = "vyos"
TITLE = "VyOS (domain groups)"
LAYER = Layer.DNS_TO_IP
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT}),
    max_name_length=253,
    default_action="rejected on the endpoints' ports (TCP and UDP)",
)
MAIN = File(name="netprobe.vyos", template="netprobe.vyos.j2")
FILES = (MAIN,)
SCOPE = Scope(
    clients="a network group, which is made from --source",
    sessions="they stay open where a rule of yours accepts established sessions first, as VyOS's examples do",
)
COMMANDS = Commands(
    check="",
    load="configure, paste netprobe.vyos, add the jump (see the page), then: commit-confirm 5, confirm, save",
    replace="the same: the old groups and rules are deleted first, and nothing takes effect before commit",
    rollback="rollback 1; or delete the jump, paste the delete lines of netprobe.vyos alone, then: commit, save",
)
PROOF = TargetProof(grammar="VyOS set commands, by the definitions of its command line (vyos-1x)")
SOURCES = (
    Source(
        where="https://github.com/vyos/vyos-1x (interface-definitions/firewall.xml.in, python/vyos/firewall.py, "
        "commit 3710c58)",
        read="2026-11-28",
    ),
    Source(
        where="https://github.com/vyos/vyos-documentation (docs/configuration/firewall/groups.rst)",
        read="2026-11-28",
    ),
)
context = plain_context

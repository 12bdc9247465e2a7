"""Cisco Meraki MX: outbound layer 3 rules with names, put in front of the network's own by a script.

``destCidr`` of a rule takes names beside networks, several with commas between; the MX learns their addresses from the
DNS answers that pass it. Exact names alone are written: the API says *fully-qualified domain names* and no page that we
could read promises a wildcard. Layer 3 rules are stateful; the first that fits decides, and the last, which cannot be
changed, allows.

Traps: the API replaces the whole list of rules, so a list of ours alone would take away the site's. The script reads
what is there, keeps a copy, takes out what it made before by its comments, and puts ours in front. A source cannot be a
name. Rules for IPv6 clients are not written.
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
from netprobe.render.policy import needs_ipv4

NAME = "meraki"
TITLE = "Cisco Meraki MX (layer 3 firewall rules)"
LAYER = Layer.DNS_TO_IP
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT}),
    max_name_length=253,
    beyond=("IPv6 is not governed: the rules are for IPv4",),
    default_action="denied on the endpoints' ports (TCP and UDP)",
)
MAIN = File(name="netprobe.sh", template="netprobe.sh.j2")
FILES = (MAIN, File(name="netprobe-rules.json", template="rules.json.j2"))
SCOPE = Scope(
    clients="the rule's srcCidr, which is made from --source (IPv4)",
    sessions="layer 3 rules are stateful, and no page says what becomes of connections that are open",
)
COMMANDS = Commands(
    check="sh -n netprobe.sh",
    load="MERAKI_KEY=... sh netprobe.sh NETWORK_ID (it asks for curl and jq, and leaves netprobe-before.json)",
    replace="the same: what it made before is taken out by its comments, in the same request",
    rollback="PUT netprobe-before.json (the page says how)",
)
PROOF = TargetProof(grammar="Meraki dashboard API v1, l3FirewallRules; the script is run against a stand-in")
SOURCES = (
    Source(
        where="cisco.meraki in ansible 12.3.0, networks_appliance_firewall_l3_firewall_rules (the API's own words)",
        read="2026-11-29",
    ),
    Source(
        where="https://documentation.meraki.com/General_Administration/Cross-Platform_Content/"
        "Using_Layer_3_Firewall_Rules",
        read="2026-11-29",
    ),
)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """Nothing beyond the rules; a source of IPv6 alone would leave rules for everybody."""
    needs_ipv4(policy)
    return {}

"""AWS Network Firewall: a stateful rule group made of a domain list, and Terraform for it.

An item is a name, or a dot and a name, which admits the name and everything beneath it; no other wildcard exists. AWS
makes Suricata rules of the list: a pass rule an item (``dotprefix`` for those with a dot), and in the default order
of actions a drop rule for every other TLS server name. The tests make the same rules and replay real ClientHellos.
Prefer the target ``aws-network-firewall``, which can say ``ecs-a-*`` as it is.

Traps: ``HOME_NET`` is the firewall's own VPC unless it is set, so the traffic of other networks **passes**; the list
is for TLS alone, so other protocols pass as well; it counts for every port.

``rule-group-resolved.json`` is the same list with a second target type, so that a name counts only for an address
that the Route 53 Resolver gave for it: in an ALLOWLIST both must fit. It takes effect where the firewall policy has
resolved IP validation.
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

NAME = "aws-network-firewall-domains"
TITLE = "AWS Network Firewall (domain list, Terraform)"
LAYER = Layer.SNI
COMMENT = Comment.HASH
CAPACITY = 1000
"""Fixed when the rule group is made, so it leaves room."""
CAPABILITY = DeviceCapability(
    beyond=("QUIC (UDP 443) is neither of the two protocols that a domain list inspects, so it passes",),
    forms=frozenset({Form.EXACT, Form.SUBTREE}),
    ports=False,
    tls_only=True,
    max_entries=CAPACITY - 100,
    default_action="TLS to other server names is dropped on every port, from HOME_NET; what is no TLS is not touched",
)
MAIN = File(name="netprobe-domains.tf", template="netprobe-domains.tf.j2")
FILES = (
    MAIN,
    File(name="rule-group.json", template="rule-group.json.j2"),
    File(name="rule-group-resolved.json", template="rule-group-resolved.json.j2"),
)
SCOPE = Scope(
    clients="HOME_NET of the rule group",
    additive=False,
    instead="a list of domains always denies the rest for its HOME_NET: add --enforce with --source, or use "
    "aws-network-firewall, whose pass rules deny nothing",
    sessions="a flow that was passed stays passed until it ends",
)
COMMANDS = Commands(
    check="terraform validate && terraform plan",
    load="terraform apply, and refer to the rule group in a firewall policy with the default order of actions",
    replace="write the new file, terraform apply",
    rollback="write the old file, terraform apply",
)
PROOF = TargetProof(
    engine="suricata 7.0.10 (the rules that AWS documents it makes of a list; Debian 12 backports)",
    grammar="Terraform by python-hcl2",
)
SOURCES = (
    Source(where="botocore 1.44.5 (network-firewall: RulesSourceList, TargetTypes)", read="2026-11-29"),
    Source(
        where="https://docs.aws.amazon.com/network-firewall/latest/developerguide/"
        "route53-resolved-ip-validation-rules.md",
        read="2026-11-29",
    ),
    Source(
        where="https://docs.aws.amazon.com/network-firewall/latest/developerguide/stateful-rule-groups-domain-names.html",
        read="2026-11-23",
    ),
)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """The capacity."""
    return {"capacity": CAPACITY}

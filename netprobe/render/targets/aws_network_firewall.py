"""AWS Network Firewall: a stateful rule group of Suricata rules, and Terraform for it.

The engine is Suricata 7 (AWS, developer guide), so the rules are those of the target ``suricata``, which real
ClientHellos prove; they bring their own drop rules and need no default action. ``pcre`` is allowed beside
``tls.sni``. Traps: ``HOME_NET`` is the firewall's own VPC unless it is set, so traffic of other networks (a transit
gateway, on-premises hosts) would match no rule and **pass**; setting it for the rule group leaves ``EXTERNAL_NET`` as
it was, the inverse of the policy's ``HOME_NET``; the capacity of a rule group is fixed when it is made; the order of
rules too, and it must be the policy's. A policy with default actions of its own needs rules for everything else (DNS,
NTP).

A server name is what a client says. ``netprobe-resolved.rules`` are the same rules, but a name counts only for an
address that the Route 53 Resolver gave for it, by AWS's own keyword ``aws_route_53_resolved_domain``. It takes names,
no patterns, and is inactive unless the firewall policy has resolved IP validation, so it is a file of its own. No
Suricata outside AWS knows the keyword: what it means is read, not run.
"""

from __future__ import annotations

from collections.abc import Mapping

from netprobe.catalog.model import Endpoint
from netprobe.render.model import (
    Commands,
    Comment,
    DeviceCapability,
    Dialect,
    File,
    Form,
    Layer,
    Lowered,
    Policy,
    Scope,
    Source,
    TargetProof,
)
from netprobe.render.targets import suricata

NAME = "aws-network-firewall"
TITLE = "AWS Network Firewall (Suricata rules, Terraform)"
LAYER = Layer.SNI
COMMENT = Comment.HASH
CAPACITY = 1000
"""Fixed when the rule group is made, so it leaves room; a rule takes 1, and every port has four drop rules."""
CAPABILITY = DeviceCapability(
    beyond=(
        "a server name that holds a NUL is compared up to it",
        "up to 16 KiB of a protocol that is not known pass before it is dropped",
    ),
    forms=frozenset({Form.EXACT, Form.REGEX}),
    regex=Dialect.PCRE,
    tls_only=True,
    max_entries=CAPACITY - 100,
    default_action="dropped on the ports named above, TCP and UDP, from HOME_NET; other ports are not touched",
)
MAIN = File(name="netprobe.rules", template="netprobe.rules.j2")
FILES = (
    MAIN,
    File(name="netprobe-resolved.rules", template="netprobe-resolved.rules.j2"),
    File(name="netprobe.tf", template="netprobe.tf.j2"),
)
SCOPE = Scope(
    clients="HOME_NET of the rule group",
    sessions="a flow that was passed stays passed until it ends",
)
COMMANDS = Commands(
    check="terraform validate && terraform plan",
    load="put both files into a module, terraform apply, and refer to the rule group in the firewall policy",
    replace="write the new files, terraform apply",
    rollback="write the old files, terraform apply",
)
PROOF = TargetProof(
    engine="suricata 7.0.10 (the same rules without AWS's own keyword, which is read, not run; Debian 12 backports)",
    grammar="Suricata rule headers and options; Terraform by python-hcl2",
)
SOURCES = (
    Source(
        where="https://docs.aws.amazon.com/network-firewall/latest/developerguide/"
        "route53-resolved-ip-validation-rules.md; botocore 1.44.5 (Route53ResolvedIPValidation, FirewallPolicyError)",
        read="2026-11-29",
    ),
    Source(
        where="https://docs.aws.amazon.com/network-firewall/latest/developerguide/suricata-limitations-caveats.html",
        read="2026-11-26",
    ),
    Source(
        where="https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/networkfirewall_rule_group",
        read="2026-11-23",
    ),
)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """Where the signature ids begin, and the capacity."""
    return {**suricata.context(lowered, endpoints, policy), "capacity": CAPACITY}

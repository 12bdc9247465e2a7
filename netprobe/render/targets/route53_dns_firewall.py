"""Route 53 Resolver DNS Firewall: which names a VPC's resolver answers, also for hosts that ask an inbound endpoint.

For ECS Anywhere hosts whose DNS servers forward to AWS over Direct Connect or a VPN. An entry of a domain list is a
name, or ``*.name`` for everything beneath it, at any depth and not the name itself; an asterisk stands at the beginning
or nowhere. A rule of its own decides for each list, in the order of priorities, and the first that fits ends it.

Traps: a rule inspects the whole chain of aliases unless it says ``TRUST_REDIRECTION_DOMAIN``, and most of AWS's names
are aliases, so an allowing rule without it allows next to nothing before one that blocks ``*``; whether a VPC is open
or closed while DNS Firewall fails is a setting of its own; one request takes 1,000 names.

What allows is one rule for a rule group of the site's own. What denies is a second rule with a list of ``*``; both
decide for every client of the VPC's resolver, which knows no source address.
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

NAME = "route53-dns-firewall"
TITLE = "Route 53 Resolver DNS Firewall (Terraform)"
LAYER = Layer.DNS
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.SUFFIX}),
    ports=False,
    max_entries=1000,
    max_name_length=253,
    default_action="NXDOMAIN for every name, of every type",
)
MAIN = File(name="netprobe-dns.tf", template="netprobe-dns.tf.j2")
FILES = (MAIN, File(name="netprobe-domains.json", template="netprobe-domains.json.j2"))
SCOPE = Scope(
    sessions="they stay open: it decides when a name is looked up",
)
COMMANDS = Commands(
    check="terraform validate && terraform plan",
    load="terraform apply, and associate the rule group with the VPC whose resolver the hosts ask",
    replace="write the new file, terraform apply",
    add="terraform apply, with the rule group of yours and a priority in front of the rule that blocks",
    remove="take the file away, terraform apply",
    rollback="write the old file, terraform apply",
)
PROOF = TargetProof(schema="AWS's model of the API in botocore", grammar="Terraform by python-hcl2")
SOURCES = (
    Source(
        where="https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-dns-firewall-domain-lists.html",
        read="2026-11-28",
    ),
    Source(where="botocore, route53resolver: UpdateFirewallDomains, CreateFirewallRule", read="2026-11-28"),
)
context = plain_context

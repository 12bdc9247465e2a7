"""Google Cloud: rules with FQDN objects in a network firewall policy, as Terraform and as commands of gcloud.

For hosts that are machines of a VPC. A rule's ``dest_fqdns`` holds exact names, at most 100; Cloud NGFW resolves each
at intervals, in the order of the VPC's own name resolution, and programs at most 32 IPv4 and 32 IPv6 addresses a name.
A name that does not resolve is ignored. There is no wildcard. The hosts must ask the VPC's resolver, or their answers
differ.

The rules go into a policy of the site's own, from a priority on that the operator gives; the first rule that fits
decides, and what none decides goes to the implied rules, which let a VPC's machines out. So the form that only allows
matters where a rule of yours denies. Ranges of the two families cannot stand in one rule, so each has its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

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
from netprobe.render.naming import Named, named_networks
from netprobe.render.text import Text
from netprobe.render.views import EntryView, Rules

NAME = "gcp-firewall"
TITLE = "Google Cloud firewall policy (FQDN objects)"
LAYER = Layer.DNS_TO_IP
COMMENT = Comment.HASH
NAMES_A_RULE = 100
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT}),
    max_name_length=253,
    beyond=("of a name with more than 32 addresses of a family, 32 are admitted, and the others are not",),
    default_action="denied on the endpoints' ports (TCP and UDP)",
)
MAIN = File(name="netprobe.tf", template="netprobe.tf.j2")
FILES = (MAIN, File(name="netprobe.sh", template="netprobe.sh.j2"))
SCOPE = Scope(
    clients="the rule's source ranges, which are made from --source",
    sessions="they are tracked and stay open for as long as they are used; new ones are decided anew",
)
COMMANDS = Commands(
    check="terraform validate && terraform plan",
    load="put netprobe.tf into a module, set its variables, terraform apply; or: sh netprobe.sh POLICY PRIORITY",
    replace="write the new file, terraform apply",
    rollback="take the file away, terraform apply; or delete the rules by their priorities",
)
PROOF = TargetProof(grammar="arguments of google_compute_network_firewall_policy_rule; Terraform by python-hcl2")
SOURCES = (
    Source(where="https://docs.cloud.google.com/firewall/docs/fqdn-objects-overview", read="2026-11-29"),
    Source(
        where="https://github.com/hashicorp/terraform-provider-google "
        "(website/docs/r/compute_network_firewall_policy_rule.html.markdown, commit e03b762)",
        read="2026-11-29",
    ),
)


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One rule.

    Attributes:
        label: its name.
        place: its place behind the first priority.
        port: the TCP port; 0 for a rule that denies.
        names: the names of a rule that allows.
        sources: the hosts' networks of one family; empty: everybody.
        everywhere: all destinations of the family, for a rule that denies.
    """

    label: Text
    place: int
    port: int = 0
    names: tuple[EntryView, ...] = ()
    sources: tuple[Named, ...] = ()
    everywhere: Text = msgspec.field(default_factory=Text)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """The rules in their order."""
    allowing, denying = tuple(_allowing(lowered, policy)), tuple(_denying(policy))
    blocks = allowing + (denying if policy.enforce else ())
    return {"blocks": tuple(msgspec.structs.replace(one, place=place) for place, one in enumerate(blocks))}


def _families(policy: Policy) -> Iterator[tuple[str, tuple[Named, ...]]]:
    """The hosts' networks by family, with what tells the rules' names apart."""
    found = named_networks(policy.sources)
    for version in (4, 6):
        sources = tuple(one for one in found if one.version == version)
        if sources:
            yield f"-v{version}", sources
    if not found:
        yield "", ()


def _allowing(lowered: Lowered, policy: Policy) -> Iterator[Block]:
    for group in Rules.of(lowered.entries).by_port:
        for start in range(0, len(group.exact), NAMES_A_RULE):
            part = f"-{1 + start // NAMES_A_RULE}"
            for family, sources in _families(policy):
                yield Block(
                    label=text.identifier(f"{policy.name}-allow-{group.port}{part}{family}"),
                    place=0,
                    port=group.port,
                    names=group.exact[start : start + NAMES_A_RULE],
                    sources=sources,
                )


def _denying(policy: Policy) -> Iterator[Block]:
    found = named_networks(policy.sources)
    for version, everywhere in ((4, "0.0.0.0/0"), (6, "::/0")):
        sources = tuple(one for one in found if one.version == version)
        if sources or not found:
            label = text.identifier(f"{policy.name}-deny-v{version}")
            yield Block(label=label, place=0, sources=sources, everywhere=text.network(everywhere))

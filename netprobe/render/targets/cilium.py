"""Cilium: a CiliumNetworkPolicy with toFQDNs, and the DNS rule without which toFQDNs admits nothing.

Cilium's DNS proxy reads the answers that the pods get and admits the addresses in them. Its patterns have an asterisk
of their own that stays in its label, anywhere in it: ``ecs-a-*`` is exact but for the empty star (the source of
``pkg/fqdn/matchpattern`` makes ``[-a-zA-Z0-9_]*`` of it). Traps that the output avoids: without a DNS rule on the
same pods no name is ever learned; an egress section without entries would admit nothing; ``port`` has to be a string.
The DNS rule admits questions about the listed names only, so that DNS is no way out either.
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

NAME = "cilium"
TITLE = "Cilium (CiliumNetworkPolicy, toFQDNs)"
LAYER = Layer.DNS_TO_IP
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.GLOB}),
    empty_star=True,
    max_name_length=255,
    default_action="denied for the pods that the policy selects, all ports and protocols, other DNS questions too",
)
MAIN = File(name="cilium.yaml", template="cilium.yaml.j2")
FILES = (MAIN,)
SCOPE = Scope(
    narrows=False,
    selector=True,
    sessions="new rules are for packets too: a connection to an address that no rule admits is cut",
)
COMMANDS = Commands(
    check="kubectl apply --dry-run=server -n NAMESPACE -f cilium.yaml",
    load="kubectl apply -n NAMESPACE -f cilium.yaml",
    replace="kubectl apply -n NAMESPACE -f cilium.yaml (each object is replaced whole)",
    rollback="kubectl apply the old file, or kubectl delete ciliumnetworkpolicy -n NAMESPACE netprobe-ecs-anywhere",
)
PROOF = TargetProof(
    schema="CiliumNetworkPolicy (@kubernetes-models/cilium 4.0.0)",
    grammar="the conversion of matchPattern that its source has",
)
SOURCES = (
    Source(where="https://github.com/cilium/cilium/blob/main/pkg/fqdn/matchpattern/matchpattern.go", read="2026-11-23"),
    Source(where="https://docs.cilium.io/en/stable/security/policy/language/#dns-based", read="2026-11-23"),
    Source(where="https://docs.cilium.io/en/latest/security/policy/host/ (host policies)", read="2026-11-29"),
    Source(where="https://docs.cilium.io/en/latest/security/policy/intro/ (default deny)", read="2026-11-29"),
)
context = plain_context

"""Calico Enterprise and Calico Cloud: a NetworkPolicy whose egress rules name domains.

``domains`` does not exist in open-source Calico, which would refuse the object. An asterisk must be a whole
component, one a name, and stands for one or more components: ``*.x`` is any depth, and ``ecs-a-*`` is explicitly
unsupported. So the numbered names are listed, or become every name beneath the region. The name of a policy begins
with its tier. Domains are learned from the answers of trusted DNS servers; domain rules may only allow, and only
egress.
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

NAME = "calico-enterprise"
TITLE = "Calico Enterprise and Calico Cloud (NetworkPolicy, domains)"
LAYER = Layer.DNS_TO_IP
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.SUFFIX}),
    default_action="denied for the pods that the policy selects, by its last rule, all ports and protocols",
)
MAIN = File(name="calico.yaml", template="calico.yaml.j2")
FILES = (MAIN,)
SCOPE = Scope(
    selector=True,
    additive=False,
    instead="it isolates the workloads that it selects: add --enforce if that is meant; otherwise put its "
    "allow rules into a policy of yours",
    sessions="a connection that is open stays open until it ends",
)
COMMANDS = Commands(
    check="kubectl apply --dry-run=server -n NAMESPACE -f calico.yaml",
    load="kubectl apply -n NAMESPACE -f calico.yaml",
    replace="kubectl apply -n NAMESPACE -f calico.yaml (each object is replaced whole)",
    rollback="kubectl apply the old file, "
    "or kubectl delete networkpolicies.projectcalico.org -n NAMESPACE default.netprobe-ecs-anywhere",
)
PROOF = TargetProof(
    schema="fields of the NetworkPolicy CRD of Calico Enterprise (tigera/operator, commit 40788b9)",
    grammar="the documented meaning of domains",
)
SOURCES = (
    Source(
        where="https://docs.tigera.io/calico-enterprise/latest/network-policy/domain-based-policy", read="2026-11-23"
    ),
)
context = plain_context

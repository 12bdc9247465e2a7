"""Kubernetes NetworkPolicy, which every network plugin with policies understands: addresses and ports, no names.

``ipBlock`` takes a network; a host name is refused. Traps that the output avoids, each of which **fails open**: a
rule whose ``to`` is empty admits every address, so a port without networks gets no rule at all; ``policyTypes``
without ``Egress`` leaves egress alone; and a plugin without policies (Flannel) accepts the object and does nothing.
Once a pod is selected, everything else it sends is denied, DNS too, so DNS to the cluster's servers has a rule.
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

NAME = "networkpolicy"
TITLE = "Kubernetes NetworkPolicy"
LAYER = Layer.IP
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.ADDRESS}),
    default_action="denied for the pods that the policy selects, all ports and protocols but DNS to kube-dns",
)
MAIN = File(name="networkpolicy.yaml", template="networkpolicy.yaml.j2")
FILES = (MAIN,)
SCOPE = Scope(
    selector=True,
    additive=False,
    instead="it isolates the workloads that it selects: add --enforce if that is meant; otherwise put its "
    "allow rules into a policy of yours",
    sessions="that depends on the network plugin; most let connections that are open go on",
)
COMMANDS = Commands(
    check="kubectl apply --server-side --dry-run=server -n NAMESPACE -f networkpolicy.yaml",
    load="kubectl apply --server-side -n NAMESPACE -f networkpolicy.yaml",
    replace="kubectl apply --server-side -n NAMESPACE -f networkpolicy.yaml (each object is replaced whole)",
    rollback="kubectl apply --server-side the old file, "
    "or kubectl delete networkpolicy -n NAMESPACE netprobe-ecs-anywhere",
)
PROOF = TargetProof(schema="networking.k8s.io/v1 NetworkPolicy (kubernetes-models 5.1.0)")
SOURCES = (
    Source(
        where="https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/",
        read="2026-11-23",
    ),
)
context = plain_context

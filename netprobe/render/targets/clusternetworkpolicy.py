"""Kubernetes' network-policy API group: ClusterNetworkPolicy with ``domainNames``, as far as it is published.

``policy.networking.k8s.io/v1alpha2``, experimental channel: names are exact, or ``*.x`` for one or more whole labels in
front of x, not x itself; 25 of them in a peer, 25 peers in a rule, 25 rules in an object; for rules that accept alone.
Which plugin implements it is the plugin's to say: the standard channel of the definition does not have the field at
all, and a cluster with that one drops it in silence, so that the rule would accept **nothing**, or is refused.

The rules stand in the tier Admin, in front of every NetworkPolicy, which they decide over. The form that denies does so
for every address on the endpoints' ports, those of the cluster itself among them. Pods on the host's network are never
selected.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

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
from netprobe.render.views import EntryView, Rules

NAME = "clusternetworkpolicy"
TITLE = "Kubernetes ClusterNetworkPolicy (network-policy API v1alpha2, domainNames)"
LAYER = Layer.DNS_TO_IP
COMMENT = Comment.HASH
NAMES_A_PEER = 25
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.SUFFIX}),
    max_name_length=253,
    max_entries=NAMES_A_PEER * 25,
    default_action="denied for the pods that the policy selects, on the endpoints' ports (TCP and UDP), to every "
    "address, those of the cluster among them",
)
MAIN = File(name="clusternetworkpolicy.yaml", template="clusternetworkpolicy.yaml.j2")
FILES = (MAIN,)
SCOPE = Scope(
    narrows=False,
    selector=True,
    sessions="that depends on the network plugin; most let connections that are open go on",
)
COMMANDS = Commands(
    check="kubectl apply --server-side --dry-run=server -f clusternetworkpolicy.yaml",
    load="kubectl apply --server-side -f clusternetworkpolicy.yaml",
    replace="kubectl apply --server-side -f clusternetworkpolicy.yaml (each object is replaced whole)",
    rollback="kubectl apply --server-side the old file, or kubectl delete clusternetworkpolicy netprobe-ecs-anywhere",
)
PROOF = TargetProof(
    schema="fields of the ClusterNetworkPolicy CRD v1alpha2, experimental channel (kubernetes-sigs/network-policy-api, "
    "commit 0eec1b0)",
    grammar="what its definition says of domainNames",
)
SOURCES = (
    Source(
        where="https://github.com/kubernetes-sigs/network-policy-api (apis/v1alpha2/clusternetworkpolicy_types.go, "
        "commit 0eec1b0)",
        read="2026-11-29",
    ),
)


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """Up to 25 names of one port."""

    port: int
    entries: tuple[EntryView, ...]


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """The peers of each port's rule."""
    peers = tuple(
        Peer(port=group.port, entries=group.entries[start : start + NAMES_A_PEER])
        for group in Rules.of(lowered.entries).by_port
        for start in range(0, len(group.entries), NAMES_A_PEER)
    )
    return {"peers": peers}

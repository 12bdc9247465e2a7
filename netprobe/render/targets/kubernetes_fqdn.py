"""GKE Dataplane V2: FQDNNetworkPolicy, which allows exact names and one-label wildcards by DNS.

``name`` is exact; ``pattern: "*.x"`` is one label in front of x, neither more nor x itself. The data plane learns the
addresses from the answers of kube-dns or Cloud DNS. A policy holds at most 50 addresses, so the names stand in several
objects of few names each. It needs GKE 1.26.4 or newer with ``--enable-fqdn-network-policy``, and neither Windows
nodes nor Cloud Service Mesh.

FQDNNetworkPolicy only allows; what else the selected pods send is denied by a NetworkPolicy beside it, which lets DNS
to kube-dns through. No page that we could read says what a pod may still do that an FQDNNetworkPolicy alone selects,
so there is no form that only allows. Other vendors' objects of the same name are not meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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

NAME = "kubernetes-fqdn"
TITLE = "Kubernetes on GKE (FQDNNetworkPolicy)"
LAYER = Layer.DNS_TO_IP
COMMENT = Comment.HASH
NAMES_AN_OBJECT = 8
"""A policy holds 50 addresses; AWS answers with up to eight or so."""
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.ONE_LABEL}),
    max_name_length=253,
    beyond=("of the names of one object 50 addresses are admitted, and the others are not",),
    default_action="denied for the pods that the policy selects, all ports and protocols but DNS to kube-dns",
)
MAIN = File(name="fqdnnetworkpolicy.yaml", template="fqdnnetworkpolicy.yaml.j2")
FILES = (MAIN,)
SCOPE = Scope(
    narrows=False,
    selector=True,
    additive=False,
    instead="the pods that it selects may lose everything else: add --enforce if that is meant; otherwise put its "
    "matches into a policy of yours",
    sessions="no page says what becomes of connections that are open",
)
COMMANDS = Commands(
    check="kubectl apply --server-side --dry-run=server -n NAMESPACE -f fqdnnetworkpolicy.yaml",
    load="kubectl apply --server-side -n NAMESPACE -f fqdnnetworkpolicy.yaml",
    replace="the same; objects that the new file no longer has must be deleted",
    rollback="kubectl delete -n NAMESPACE -f fqdnnetworkpolicy.yaml, and apply the old file",
)
PROOF = TargetProof(
    grammar="FQDNNetworkPolicy (networking.gke.io/v1alpha1) by GKE's page; the NetworkPolicy beside it by its schema"
)
SOURCES = (
    Source(where="https://cloud.google.com/kubernetes-engine/docs/how-to/fqdn-network-policies", read="2026-11-29"),
)


class FqdnPart(msgspec.Struct, frozen=True, kw_only=True):
    """One object: some names of one port."""

    number: int
    port: int
    entries: tuple[EntryView, ...]


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """The objects, a few names each."""
    return {"parts": tuple(_parts(lowered))}


def _parts(lowered: Lowered) -> Iterator[FqdnPart]:
    for group in Rules.of(lowered.entries).by_port:
        for start in range(0, len(group.entries), NAMES_AN_OBJECT):
            number = 1 + start // NAMES_AN_OBJECT
            yield FqdnPart(number=number, port=group.port, entries=group.entries[start : start + NAMES_AN_OBJECT])

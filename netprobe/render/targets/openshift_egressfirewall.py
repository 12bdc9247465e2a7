"""OpenShift with OVN-Kubernetes: the EgressFirewall of a namespace.

**What no rule matches is allowed**, so the last rules deny every address, and the rules before them are the
allowlist. A namespace has one EgressFirewall, and it has to be called ``default``.

**One rule that OVN-Kubernetes does not like, and none of them is in force**: its controller makes all of them or
returns an error, the object stands there, and everything is allowed. Two things bring that about which the CRD takes
without a word. An asterisk (``*.x``) in ``dnsName``, where the cluster's DNSNameResolver is not enabled: so none is
ever written. And more rules than there are priorities, from 9997 (newer releases: 10000) down to 2000; of such a list
older releases ignore the rest, the two that deny among it. So a list that is too long is refused here.

Traffic inside the cluster is not governed; the API server is outside as far as OVN is concerned, so pods that need it
need a rule of their own.
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

NAME = "openshift-egressfirewall"
TITLE = "OpenShift (OVN-Kubernetes EgressFirewall)"
LAYER = Layer.DNS_TO_IP
COMMENT = Comment.HASH
_MAX_RULES = 7998
"""What the oldest releases take: one for each priority from 9997 down to 2000."""
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT}),
    max_entries=_MAX_RULES - 2,
    default_action="denied by the last two rules, for the whole namespace, every address outside the cluster",
)
MAIN = File(name="egressfirewall.yaml", template="egressfirewall.yaml.j2")
FILES = (MAIN,)
SCOPE = Scope(
    selector=True,
    additive=False,
    instead="a namespace has one EgressFirewall, so it would take the place of yours: add --enforce if that "
    "is meant; otherwise put its allow rules into yours",
    sessions="new rules are for packets too: a connection to an address that no rule admits is cut",
)
COMMANDS = Commands(
    check="kubectl apply --server-side --dry-run=server -n NAMESPACE -f egressfirewall.yaml",
    load="kubectl apply --server-side -n NAMESPACE -f egressfirewall.yaml",
    replace="kubectl apply --server-side -n NAMESPACE -f egressfirewall.yaml (each object is replaced whole)",
    rollback="kubectl apply --server-side the old file, "
    "or kubectl delete egressfirewall -n NAMESPACE default (everything is allowed then)",
)
PROOF = TargetProof(
    schema="fields of the EgressFirewall CRD (ovn-org/ovn-kubernetes, commit 6c366bb)",
    grammar="first match decides",
)
SOURCES = (
    Source(
        where="https://github.com/ovn-kubernetes/ovn-kubernetes/blob/master/go-controller/pkg/crd/egressfirewall/v1/types.go",
        read="2026-11-23",
    ),
    Source(
        where="https://github.com/ovn-kubernetes/ovn-kubernetes go-controller/pkg/ovn/egressfirewall.go "
        "(buildEgressFirewallConstruct), pkg/util/egressfirewall.go, pkg/types/const.go (EgressFirewallStartPriority)",
        read="2026-11-26",
    ),
    Source(where="https://github.com/kubernetes/kubectl/issues/712 (kubectl apply, 262144 bytes)", read="2026-11-26"),
)
context = plain_context

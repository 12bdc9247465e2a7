"""OpenShift with OVN-Kubernetes: the EgressFirewall of a namespace.

**What no rule matches is allowed**, so the last rules deny every address, and the rules before them are the
allowlist. A namespace has one EgressFirewall, and it has to be called ``default``. The CRD's pattern for ``dnsName``
takes a leading ``*.`` (one label, newer releases only) and no other asterisk. Traffic inside the cluster is not
governed; the API server is outside as far as OVN is concerned, so pods that need it need a rule of their own.
"""

from __future__ import annotations

from collections.abc import Mapping

from netprobe.catalog.model import Endpoint
from netprobe.render.model import Capability, Commands, Comment, File, Form, Layer, Lowered, Proof, Source

NAME = "openshift-egressfirewall"
TITLE = "OpenShift (OVN-Kubernetes EgressFirewall)"
LAYER = Layer.DNS_TO_IP
COMMENT = Comment.HASH
CAPABILITY = Capability(
    forms=frozenset({Form.EXACT, Form.ONE_LABEL}),
    default_action="denied by the last two rules, for the whole namespace, every address outside the cluster",
)
MAIN = File(name="egressfirewall.yaml", template="egressfirewall.yaml.j2")
FILES = (MAIN,)
COMMANDS = Commands(
    check="kubectl apply --dry-run=server -n NAMESPACE -f egressfirewall.yaml",
    load="kubectl apply -n NAMESPACE -f egressfirewall.yaml",
    replace="kubectl apply -n NAMESPACE -f egressfirewall.yaml (each object is replaced whole)",
    rollback="kubectl apply the old file, "
    "or kubectl delete egressfirewall -n NAMESPACE default (everything is allowed then)",
)
PROOF = Proof(grammar="the CRD of EgressFirewall: its pattern for dnsName, and first match decides")
SOURCES = (
    Source(
        where="https://github.com/ovn-kubernetes/ovn-kubernetes/blob/master/go-controller/pkg/crd/egressfirewall/v1/types.go",
        read="2026-11-23",
    ),
)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...]) -> Mapping[str, object]:
    """The template needs nothing else."""
    return {}

"""Istio: ServiceEntries for the names, and a Sidecar that refuses what no entry names.

A sidecar decides on the TLS server name (port 80: the Host header). A leading asterisk is compared as a plain suffix
(``pkg/config/host``): ``*.x`` is any depth without x itself, whatever else is written about it; an asterisk elsewhere
is no wildcard. ``resolution: NONE`` sends a connection where the client wanted it, which wildcards need. The hosts of
an entry count for all of its ports, so each port has an entry of its own; an entry takes 256 hosts, so there may be
several.

Without ``REGISTRY_ONLY`` everything goes out: it **fails open**. And it is no security boundary: what goes around the
sidecar is not governed (Istio, security best practices).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
from netprobe.render.text import Text

NAME = "istio"
TITLE = "Istio (ServiceEntry and Sidecar)"
LAYER = Layer.SNI
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    beyond=("UDP is not governed: sidecars take TCP alone, so QUIC (UDP 443) goes past them",),
    forms=frozenset({Form.EXACT, Form.SUFFIX}),
    default_action="refused by the sidecars of the namespace (REGISTRY_ONLY), as far as traffic goes through them",
)
MAIN = File(name="istio.yaml", template="istio.yaml.j2")
FILES = (MAIN,)
SCOPE = Scope(
    narrows=False,
    selector=True,
    sessions="sidecars drain connections that are open when their configuration changes",
)
COMMANDS = Commands(
    check="kubectl apply --dry-run=server -n NAMESPACE -f istio.yaml",
    load="kubectl apply -n NAMESPACE -f istio.yaml",
    replace="kubectl apply -n NAMESPACE -f istio.yaml (each object is replaced whole)",
    rollback="kubectl apply the old file, or delete the Sidecar, which admits everything if the mesh does",
)
PROOF = TargetProof(
    schema="ServiceEntry and Sidecar (@kubernetes-models/istio 3.0.1)",
    grammar="documented fields and limits of ServiceEntry and Sidecar, and the suffix rule of pkg/config/host",
)
SOURCES = (
    Source(where="https://github.com/istio/istio/blob/master/pkg/config/host/name.go", read="2026-11-23"),
    Source(where="https://istio.io/latest/docs/reference/config/networking/service-entry/", read="2026-11-23"),
    Source(
        where="https://istio.io/latest/docs/reference/config/networking/sidecar/ (one a namespace)", read="2026-11-29"
    ),
    Source(
        where="https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/ (UDP)",
        read="2026-11-29",
    ),
)
MAX_HOSTS = 256
"""Hosts in one ServiceEntry (``maxItems`` of its CRD)."""
_PLAIN_HTTP = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEntry:
    """One object: at most 256 hosts on one port."""

    name: Text
    port: int
    protocol: Text
    hosts: tuple[Text, ...]


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """The ServiceEntries."""
    made = []
    for port in sorted({entry.port for entry in lowered.entries}):
        hosts = [
            text.name(f"*.{entry.value}" if entry.form is Form.SUFFIX else entry.value)
            for entry in lowered.entries
            if entry.port == port
        ]
        for start in range(0, len(hosts), MAX_HOSTS):
            made.append(
                ServiceEntry(
                    name=text.identifier(f"netprobe-{port}-{start // MAX_HOSTS + 1}"),
                    port=port,
                    protocol=text.identifier("HTTP" if port == _PLAIN_HTTP else "TLS"),
                    hosts=tuple(hosts[start : start + MAX_HOSTS]),
                )
            )
    return {"service_entries": tuple(made)}

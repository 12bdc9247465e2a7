"""Cisco Secure Firewall Threat Defense: FQDN objects, for the bulk interface of its management center.

FQDN objects, not URL objects, although those take more: the vendor's documents say that a URL object admits every
subdomain, and that for TLS subdomains within the certificate's subject are disregarded, so that amazonaws.com would
be all that counts. An FQDN object is exactly one name, resolved by the device; no wildcards.

A rule of the management center refers to objects by identifiers that it gives out when they are made, so the two
rules are made by hand, as the page says, and a name is not bound to a port. One bulk request takes 1000 objects, a
name has at most 63 characters. What only addresses can say becomes a network object. JSON has no comments, so
``netprobe.json`` tells about itself beside the objects. It cannot be run here: the tests hold the requests to the
documented schema.
"""

from __future__ import annotations

from collections.abc import Mapping

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
from netprobe.render.naming import Named

NAME = "cisco-ftd"
TITLE = "Cisco Secure Firewall Threat Defense (FQDN objects)"
LAYER = Layer.DNS_TO_IP
COMMENT = Comment.NONE
CAPABILITY = DeviceCapability(
    beyond=("UDP 443 (QUIC) is not among the objects: a rule of yours must close it",),
    forms=frozenset({Form.EXACT, Form.ADDRESS}),
    ports=False,
    max_entries=1000,
    default_action="blocked by the second rule of the page, for the ECS Anywhere hosts, on the ports named above",
)


def _has_names(lowered: Lowered) -> bool:
    return lowered.has(Form.EXACT)


def _has_networks(lowered: Lowered) -> bool:
    return lowered.has(Form.ADDRESS)


MAIN = File(name="netprobe.json", template="netprobe.json.j2")
FILES = (
    MAIN,
    File(name="netprobe-fqdns.json", template="fqdns.json.j2", when=_has_names),
    File(name="netprobe-networks.json", template="networks.json.j2", when=_has_networks),
)
SCOPE = Scope(
    narrows=False,
    enforces=False,
    instead="it is a list for people and other programs; what denies is made of it elsewhere",
    sessions="nothing changes for them",
)
COMMANDS = Commands(
    check="",
    load="POST netprobe-fqdns.json to .../object/fqdns?bulk=true, make the two rules of the page, deploy",
    replace="POST what is new, change the rule, deploy; nothing takes effect before the deployment",
    rollback="Deploy, Deployment History: roll back to the deployment before it",
)
PROOF = TargetProof(grammar="Firewall Management Center REST objects (FQDN, Network)")
SOURCES = (
    Source(
        where="https://www.cisco.com/c/en/us/support/docs/security/firepower-management-center/"
        "215972-push-objects-in-bulk-to-fmc-using-rest-a.html",
        read="2026-11-23",
    ),
    Source(
        where="https://developer.cisco.com/docs/cisco-security-cloud-control-firewall-manager/"
        "create-multiple-fqdn-object",
        read="2026-11-23",
    ),
    Source(
        where="https://www.cisco.com/c/en/us/support/docs/security/secure-firewall-management-center/"
        "223159-troubleshoot-object-creation-using-fmc.html (names of at most 64 characters, 1,000 entries, 2 MB)",
        read="2026-11-29",
    ),
    Source(where="https://docs.defenseorchestrator.com/c_url-objects.html", read="2026-11-23"),
)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """An object for each name and each network."""
    named = tuple(Named.of(entry, limit=63) for entry in lowered.entries)
    return {
        "names": tuple(one for one in named if not one.version),
        "networks": tuple(one for one in named if one.version),
    }

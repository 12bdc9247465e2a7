"""Check Point: domain objects and rules, made by a script of ``mgmt_cli`` in one session.

A domain object in FQDN mode (``is-sub-domain false``) is exactly one name, by forward DNS. The other mode takes the
subdomains by *reverse* DNS, which is useless for AWS and is never written; where an object of that name stands there in
that mode, the script ends and changes nothing. Everything happens in one session: published when all of it went well,
else discarded. No wildcards.

A warning makes a call fail unless it says ``ignore-warnings true``, and every service of ours draws one: port 443 is
``https``'s already ("The port is already used by another service."), as a network may be another object's. The service
says ``match-for-any false``, so that rules of your own about any service go on meaning ``https``.

The script takes the layer as its argument and nothing else. What only addresses can say becomes a network object. It
cannot be run here: the tests run the script in a real shell, with a ``mgmt_cli`` that checks each call against the
documented interface.
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

NAME = "checkpoint"
TITLE = "Check Point (domain objects, mgmt_cli)"
LAYER = Layer.DNS_TO_IP
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.ADDRESS}),
    default_action="dropped by the rule netprobe-deny, TCP and UDP, on the ports named above",
)
MAIN = File(name="netprobe.sh", template="netprobe.sh.j2")
FILES = (MAIN,)
SCOPE = Scope(
    clients="the group netprobe-hosts, which is made from --source",
    sessions="they are matched again when the policy is installed, unless the gateway keeps connections",
)
COMMANDS = Commands(
    check="sh -n netprobe.sh",
    load="sh netprobe.sh LAYER on the management server, then: mgmt_cli -r true install-policy policy-package NAME",
    replace="the same: the old rules are replaced in the same session",
    rollback="mgmt_cli -r true revert-to-revision to-session UID, or Revisions in SmartConsole; install the policy",
)
PROOF = TargetProof(grammar="Check Point management API calls (dns-domain, network, service-tcp, access-rule)")
SOURCES = (
    Source(where="https://sc1.checkpoint.com R81 Security Management guide, Domains", read="2026-11-23"),
    Source(where="https://sc1.checkpoint.com/documents/latest/APIs (add dns-domain)", read="2026-11-23"),
    Source(
        where="https://docs.ansible.com/ansible/latest/collections/check_point/mgmt/cp_mgmt_dns_domain_module.html "
        "(is_sub_domain: also match subdomains)",
        read="2026-11-29",
    ),
    Source(
        where="https://github.com/CheckPointSW/terraform-provider-checkpoint/issues/66 (the warning)",
        read="2026-11-26",
    ),
)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """An object for each name and network, once each, and the same again for each port's rule."""
    lines = tuple(Named.of(entry) for entry in lowered.entries)
    return {"lines": lines, "objects": tuple({one.name: one for one in lines}.values())}

"""VMware NSX: context profiles of domain names, in a policy of the distributed firewall.

From NSX 4.1.2 a name may hold ``^`` at the beginning or the end of its first label, for one word without a dot, which
is exactly what AWS's asterisk means: ``ecs-a-^.us-east-2.amazonaws.com``. (``*`` there may cross dots, and is not
used.) Before 4.1.2 only a leading ``*`` is known.

The firewall learns addresses from the DNS answers that it sees, so a rule for DNS must stand above; it is part of the
policy, and admits DNS to every server, which the page tells. Names of one's own must be registered as attributes, each
once, before a profile may use them: that is the first of the two requests. The second is one hierarchical PATCH, which
NSX applies whole or not at all. JSON has no comments, so ``netprobe.json`` tells about itself beside the requests. It
cannot be run here: the tests hold both to the documented schema with a reader of their own.
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
from netprobe.render.views import EntryView

NAME = "nsx"
TITLE = "VMware NSX distributed firewall (4.1.2 and later)"
LAYER = Layer.DNS_TO_IP
COMMENT = Comment.NONE
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.ONE_LABEL, Form.GLOB}),
    glob_first_label_only=True,
    glob_at_edge_only=True,
    max_name_length=255,
    public_names_only=True,
    default_action="rejected by the rule netprobe-deny, TCP and UDP, on the ports named above",
)
MAIN = File(name="netprobe.json", template="netprobe.json.j2")
FILES = (
    MAIN,
    File(name="netprobe-attributes.json", template="attributes.json.j2"),
    File(name="netprobe-infra.json", template="infra.json.j2"),
)
SCOPE = Scope(
    clients="the group netprobe-hosts, which is made from --source",
    sessions="the distributed firewall checks them again when the rules change",
)
COMMANDS = Commands(
    check="",
    load="POST netprobe-attributes.json, then PATCH netprobe-infra.json to /policy/api/v1/infra (the page says how)",
    replace="the same; the PATCH is applied whole or not at all",
    rollback="PATCH the old netprobe-infra.json",
)
PROOF = TargetProof(grammar="NSX Policy API objects and domain name rules (4.1.2)")
SOURCES = (
    Source(
        where="https://docs.vmware.com/en/VMware-NSX/4.1/administration/"
        "GUID-2804F5B0-EBE6-4E2F-AAEC-3BC55E90D92A.html (FQDNs: the caret, IANA's top-level domains)",
        read="2026-11-29",
    ),
    Source(
        where="https://docs.vmware.com/en/VMware-NSX/4.0/administration/"
        "GUID-63262728-CA72-47D2-8E4F-16617B63A9A4.html (filtering domains: a DNS rule above, TCP and UDP)",
        read="2026-11-29",
    ),
)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """Every name once, to be registered: two ports share one."""
    once = {(entry.form, entry.value): entry for entry in lowered.entries}
    return {"names": tuple(map(EntryView.of, once.values()))}

"""Cisco Umbrella: destinations for an allowlist.

Every domain of a destination list has a wildcard on its left that nobody wrote: ``domain.com`` stands for itself and
everything beneath it, and an asterisk is not supported at all. So nothing here is exact: each name also admits what
is beneath it, and the numbered names are listed, or their parent is written with ``--allow-widening``. A request
takes at most 500 destinations. Cisco Secure Access has the same lists and the same rule.

The DNS policy answers or refuses to answer; it knows no ports, and a host that knows an address goes around it. Which
policy uses the list, and for whom, only the site knows: this is the list alone. ``netprobe.json`` tells about itself,
``netprobe-destinations.json`` is what the API takes. It cannot be run here: the tests hold both to the documented
format with a reader of their own.
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

NAME = "umbrella"
TITLE = "Cisco Umbrella (destination list)"
LAYER = Layer.DNS
COMMENT = Comment.NONE
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.SUBTREE}),
    ports=False,
    max_entries=500,
    default_action="not answered by a DNS policy that answers its allowlists alone, for the identities of the hosts",
)
MAIN = File(name="netprobe.json", template="netprobe.json.j2")
FILES = (MAIN, File(name="netprobe-destinations.json", template="destinations.json.j2"))
SCOPE = Scope(
    narrows=False,
    enforces=False,
    instead="it is a list for a policy of yours; what denies, and for whom, is made of it elsewhere",
    sessions="nothing changes for them",
)
COMMANDS = Commands(
    check="",
    load="POST netprobe-destinations.json to /policies/v2/destinationlists/ID/destinations",
    replace="add the new destinations, take out by hand those that the new file no longer has",
    rollback="take the destinations out of the list",
)
PROOF = TargetProof(grammar="Umbrella destination lists")
SOURCES = (
    Source(
        where="https://docs.umbrella.com/umbrella-user-guide/docs/wildcards-and-destination-lists", read="2026-11-29"
    ),
    Source(
        where="https://developer.cisco.com/docs/cloud-security/umbrella-api-reference-destination-lists-overview",
        read="2026-11-29",
    ),
    Source(
        where="https://rdrr.io/github/samterfa/umbrella/man/createDestinationList.html (name, access, isGlobal, "
        "destination, comment)",
        read="2026-11-29",
    ),
    Source(
        where="https://panoramicdata.github.io/Meraki.Api (SecureConnectDestinationListCreateRequest: at most 500 "
        "destinations; without bundleTypeId the list is for DNS)",
        read="2026-11-29",
    ),
    Source(where="https://docs.umbrella.com/deployment-umbrella/docs/add-a-new-destination-list", read="2026-11-29"),
    Source(where="https://docs.sse.cisco.com/sse-user-guide/docs/wildcards-and-destination-lists", read="2026-11-29"),
)
context = plain_context

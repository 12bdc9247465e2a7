"""SonicWall SonicOS 7: FQDN address objects and access rules, as requests of the SonicOS API.

An FQDN object is an exact name, which the firewall resolves with its own servers; or ``*.name``, for which it resolves
the name itself and learns addresses from the answers of the *sanctioned* servers (those it uses itself) that pass it.
So ``*.x`` is x and everything beneath it, at any depth. A star inside a label does not exist. Dynamic objects know no
IPv6, so the rules are for IPv4.

The API collects changes and applies them by one request at the end (``config/pending``), which is left out if a
request before it failed. JSON has no comments, so the file tells about itself beside the requests. A rule has zones;
LAN and WAN are written, and the page says how to have others. It cannot be run here: a reader of the tests' own holds
the requests to the documented objects.
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
from netprobe.render.policy import needs_ipv4

NAME = "sonicwall"
TITLE = "SonicWall SonicOS 7 (FQDN objects, SonicOS API)"
LAYER = Layer.DNS_TO_IP
COMMENT = Comment.NONE
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.SUBTREE}),
    max_name_length=253,
    beyond=("IPv6 is not governed: dynamic address objects are for IPv4",),
    default_action="denied on the endpoints' ports (TCP and UDP)",
)
MAIN = File(name="netprobe.json", template="netprobe.json.j2")
FILES = (MAIN,)
SCOPE = Scope(
    clients="the address group netprobe-hosts, which is made from --source (IPv4)",
    sessions="no page says what becomes of connections that are open when a rule comes",
)
COMMANDS = Commands(
    check="",
    load="send the requests of netprobe.json in their order (the page says how); the last one applies them",
    replace="delete the old rules, groups and objects in the same pending configuration, then the same",
    rollback="before the last request: DELETE /api/sonicos/config/pending; after it: delete the rules netprobe-",
)
PROOF = TargetProof(grammar="objects of the SonicOS API (address objects and groups, service objects, access rules)")
SOURCES = (
    Source(
        where="https://sonicwall.com/support/technical-documentation/docs/sonicos-7-1-objects/Content/Match_Objects/"
        "Addresses/key-features.htm (wildcards, sanctioned servers)",
        read="2026-11-29",
    ),
    Source(where="https://www.sonicwall.com/en-us/support/knowledge-base/170505295458240 (no IPv6)", read="2026-11-29"),
    Source(
        where="https://sonicwall.com/support/technical-documentation/docs/sonicos-7-0-0-0-api/ (object access rules "
        "IPv4, address groups)",
        read="2026-11-29",
    ),
)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """An object for each entry, once each; ``trees`` are those that hold everything beneath, too."""
    needs_ipv4(policy)
    named = {(entry.form, entry.value): Named.of(entry) for entry in lowered.entries}
    return {
        "objects": tuple(one for (form, _), one in named.items() if form is Form.EXACT),
        "trees": tuple(one for (form, _), one in named.items() if form is Form.SUBTREE),
        "lines": tuple(map(Named.of, lowered.entries)),
    }

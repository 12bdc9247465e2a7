"""Palo Alto PAN-OS: external dynamic lists, which the firewall fetches from a web server without a commit.

A URL list has the token rules of a custom URL category (see ``panos``). An IP list holds what only addresses can say. A
list has one type, so there are two, and a rule for each: within one rule both would have to match. The documented
grammar knows comments only behind an address, so the lists have none; the header stands in ``netprobe.set``, which
holds the rules. Domain lists are not written: they serve DNS security and cannot be a match criterion of a rule.

Not bound to a port: the firewall would need a list for each, and a list has a fixed name. It cannot be run here: the
tests hold the lists to the documented rules with a reader of their own.
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

NAME = "panos-edl"
TITLE = "Palo Alto PAN-OS (external dynamic lists)"
LAYER = Layer.SNI
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.ONE_LABEL, Form.SUFFIX, Form.ADDRESS}),
    ports=False,
    max_entries=50_000,
    max_entry_length=254,
    default_action="denied by the rule netprobe-deny, TCP and UDP, on the ports named above",
)


def _has_names(lowered: Lowered) -> bool:
    return any(entry.form is not Form.ADDRESS for entry in lowered.entries)


def _has_addresses(lowered: Lowered) -> bool:
    return lowered.has(Form.ADDRESS)


MAIN = File(name="netprobe.set", template="netprobe.set.j2")
FILES = (
    MAIN,
    File(name="netprobe-url.txt", template="netprobe-url.txt.j2", when=_has_names),
    File(name="netprobe-ip.txt", template="netprobe-ip.txt.j2", when=_has_addresses),
)
SCOPE = Scope(
    clients="the address group netprobe-hosts, which is made from --source",
    sessions="a commit leaves them; the device matches them again where session rematch is on (its default is off)",
)
COMMANDS = Commands(
    check="request system external-list show type url name netprobe-url",
    load="publish the lists on a web server, define them (the page says how), paste netprobe.set, commit",
    replace="rename the new list into place on the web server; "
    "request system external-list refresh type url name netprobe-url",
    rollback="put the old list back on the web server and refresh",
)
PROOF = TargetProof(grammar="PAN-OS external dynamic list formats and URL token rules")
SOURCES = (
    Source(
        where="https://docs.paloaltonetworks.com/network-security/security-policy/administration/objects/"
        "external-dynamic-lists/formatting-guidelines-for-an-external-dynamic-list",
        read="2026-11-23",
    ),
)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """Which of the two lists there are, so that no rule names a list that is not published."""
    return {"has_names": _has_names(lowered), "has_addresses": _has_addresses(lowered)}

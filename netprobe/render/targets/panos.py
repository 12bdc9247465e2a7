"""Palo Alto PAN-OS: a custom URL category as ``set`` commands, with the rules that use it.

Decides on the server name in the ClientHello (no decryption, no URL-filtering licence). A wildcard must be a whole
token between dots: ``^`` stands for exactly one, ``*`` for one or more; ``ecs-a-*`` inside a token is invalid (vendor's
guidelines; a staff answer says the same). So ``*.dkr.ecr…`` is exact as ``^.dkr.ecr…/``, and ``ecs-a-*`` is not.
Every entry ends in ``/``: without it, releases before 10.2 also match what merely begins with the entry. The type must
be set since 9.0. Each entry has a command of its own, since a command line has a limit.

It cannot be run here: the tests hold the output to the documented token rules, with a reader of their own, and load the
category with the vendor's pan-os-python.
"""

from __future__ import annotations

from collections.abc import Mapping

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

NAME = "panos"
TITLE = "Palo Alto PAN-OS (set commands, custom URL category)"
LAYER = Layer.SNI
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.ONE_LABEL, Form.SUFFIX}),
    max_entry_length=254,
    default_action="denied by the rule netprobe-deny, TCP and UDP, on the ports named above",
)
MAIN = File(name="netprobe.set", template="netprobe.set.j2")
FILES = (MAIN,)
SCOPE = Scope(
    clients="the address group netprobe-hosts, which is made from --source",
    sessions="a commit leaves them; the device matches them again where session rematch is on (its default is off)",
)
COMMANDS = Commands(
    check="validate full",
    load="grep '^[a-z]' netprobe.set > netprobe.paste (your machine); in configure mode (the device): paste it, commit",
    replace="the same: the old list is deleted first, and nothing takes effect before commit",
    rollback="load config from running-config.xml (before commit), or load config version N and commit",
)
PROOF = TargetProof(library="pan-os-python", grammar="PAN-OS URL category token rules")
SOURCES = (
    Source(
        where="https://docs.paloaltonetworks.com/advanced-url-filtering/administration/configuring-url-filtering/"
        "url-category-exceptions/guidelines-for-url-category-exceptions",
        read="2026-11-23",
    ),
    Source(where="https://knowledgebase.paloaltonetworks.com (kA10g000000ClRfCAK)", read="2026-11-23"),
    Source(
        where="https://knowledgebase.paloaltonetworks.com (kA10g000000Cm44CAC, show running url)", read="2026-11-26"
    ),
    Source(
        where="https://docs.paloaltonetworks.com/pan-os/9-1/pan-os-admin/firewall-administration/"
        "manage-configuration-backups/revert-firewall-configuration-changes",
        read="2026-11-26",
    ),
    Source(
        where="https://github.com/PaloAltoNetworks/terraform-provider-panos/issues/238 (objects that something names)",
        read="2026-11-29",
    ),
)


def place(at: str, rulebase: str, paste: str) -> Mapping[str, object]:
    """Where the commands of the template put their objects and rules, and how they are to be pasted."""
    verbs = {verb: text.words(f"{verb} {at}") for verb in ("set", "delete", "move")}
    return {**verbs, "rulebase": text.words(rulebase), "paste": text.words(paste)}


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """On a firewall itself."""
    return place("", "rulebase", "Paste without these comments.")

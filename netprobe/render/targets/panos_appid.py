r"""Palo Alto PAN-OS: a custom application that is known by its ClientHello (context ``ssl-req-client-hello``).

The only form of PAN-OS that takes a star inside a label, at a price: the pattern is looked for **anywhere** in the
ClientHello, not in the server name, and cannot be anchored. ``ecs\.us-east-2\.amazonaws\.com`` is found in
``ecs.us-east-2.amazonaws.com.evil.test`` too, so everybody who owns a domain can have a name that passes. The claim
says just that: everything is a widening with exfiltration, and nothing is written without ``--allow-widening``. A
custom URL category (``panos``) with listed numbers is the safer choice.

Limits: 127 characters a pattern, at least seven literal ones in a row; names of applications have at most 31. It is
written as XML, since how the command line reads a backslash inside quotes is nowhere documented. It cannot be run here:
the tests read the XML with a reader of their own.
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

NAME = "panos-appid"
TITLE = "Palo Alto PAN-OS (custom application on the ClientHello)"
LAYER = Layer.SNI
COMMENT = Comment.XML
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.CONTAINS}),
    tls_only=True,
    max_entry_length=127,
    min_literal=7,
    default_action="denied by the rule netprobe-deny, TCP and UDP, on the ports named above",
)
MAIN = File(name="netprobe-appid.xml", template="netprobe-appid.xml.j2")
FILES = (MAIN,)
SCOPE = Scope(
    clients="the address group netprobe-hosts, which is made from --source",
    sessions="a commit leaves them; the device matches them again where session rematch is on (its default is off)",
)
COMMANDS = Commands(
    check="validate full",
    load="load config partial mode merge from netprobe-appid.xml (the page has the paths), then: commit",
    replace="delete the old application's signature in the candidate configuration, load again, commit",
    rollback="load config from running-config.xml (before commit), or load config version N and commit",
)
PROOF = TargetProof(grammar="PAN-OS custom application XML and signature pattern rules")
SOURCES = (
    Source(where="https://knowledgebase.paloaltonetworks.com (kA10g000000Clc7CAC)", read="2026-11-23"),
    Source(
        where="https://docs.paloaltonetworks.com/pan-os/u-v/custom-app-id-and-threat-signatures/"
        "custom-application-and-threat-signatures/custom-signature-pattern-requirements",
        read="2026-11-23",
    ),
)
context = plain_context

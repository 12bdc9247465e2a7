"""Palo Alto PAN-OS: the same custom URL category and rules as ``panos``, as a configuration file in XML.

For ``load config partial``, Panorama templates and everything else that takes configuration rather than commands. What
the device makes of an entry is told in ``netprobe.render.targets.panos``; two traps are this format's own. An import
with ``mode merge`` only ever adds members to a list, so the page has the old list deleted first, in the candidate
configuration. And ``<type>`` must be written: the vendor's library leaves it out, and a category without it is refused
since 9.0.

It cannot be run here: the tests read the XML with a reader of their own and load it with the vendor's pan-os-python.
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

NAME = "panos-xml"
TITLE = "Palo Alto PAN-OS (XML configuration, custom URL category)"
LAYER = Layer.SNI
COMMENT = Comment.XML
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.ONE_LABEL, Form.SUFFIX}),
    max_entry_length=254,
    default_action="denied by the rule netprobe-deny, TCP and UDP, on the ports named above",
)
MAIN = File(name="netprobe.xml", template="netprobe.xml.j2")
FILES = (MAIN,)
SCOPE = Scope(
    clients="the address group netprobe-hosts, which is made from --source",
    sessions="a commit leaves them; the device matches them again where session rematch is on (its default is off)",
)
COMMANDS = Commands(
    check="validate full",
    load="load config partial mode merge from netprobe.xml (the page has the paths), then: commit",
    replace="delete the old lists in the candidate configuration, load again, commit",
    rollback="load config from running-config.xml (before commit), or load config version N and commit",
)
PROOF = TargetProof(library="pan-os-python", grammar="PAN-OS configuration XML and URL category token rules")
SOURCES = (
    Source(
        where="https://docs.paloaltonetworks.com/advanced-url-filtering/administration/configuring-url-filtering/"
        "url-category-exceptions/guidelines-for-url-category-exceptions",
        read="2026-11-23",
    ),
    Source(where="pan-os-python 1.12, its element paths (run)", read="2026-11-23"),
)
context = plain_context

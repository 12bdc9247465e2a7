"""JSON for other programs: for each endpoint what is asked for, how a rule says it, and what that loses.

It is a document and enforces nothing. Beside the pattern stands an anchored regular expression (to be matched without
regard to case) that POSIX ERE, PCRE, RE2 and JavaScript read alike, so that a program need not know what our asterisk
means. The keys are a contract: they are only ever added to, and ``format`` counts up when a meaning changes.
"""

from __future__ import annotations

from collections.abc import Mapping

from netprobe.catalog.model import Endpoint
from netprobe.render.documents import rows
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

NAME = "json"
TITLE = "JSON for other programs"
LAYER = Layer.DOCUMENT
COMMENT = Comment.NONE
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.GLOB}),
    default_action="nothing by itself: the program that reads it decides",
)
MAIN = File(name="allowlist.json", template="allowlist.json.j2")
FILES = (MAIN,)
SCOPE = Scope(
    narrows=False,
    enforces=False,
    instead="it is a list for people and other programs; what denies is made of it elsewhere",
    sessions="nothing changes for them",
)
COMMANDS = Commands(
    check="python3 -m json.tool allowlist.json",
    load="have the program read it",
    replace="write it beside the old one and rename it",
    rollback="rename the old one back",
)
PROOF = TargetProof(schema="RFC 8259, and the JSON Schema in the tests")
SOURCES = (Source(where="https://www.rfc-editor.org/rfc/rfc8259", read="2026-11-23"),)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """A row for each endpoint."""
    return {"rows": rows(lowered, endpoints)}

"""YAML for other programs (Ansible, Salt, templates of your own): what is asked for, how it is said, what that loses.

It is a document and enforces nothing, and holds the same as the target ``json``, under the same keys. Every string is a
JSON string, which YAML 1.2 reads alike, so that no word turns into a number, a date or a boolean.
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

NAME = "yaml"
TITLE = "YAML for other programs"
LAYER = Layer.DOCUMENT
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.GLOB}),
    default_action="nothing by itself: the program that reads it decides",
)
MAIN = File(name="allowlist.yaml", template="allowlist.yaml.j2")
FILES = (MAIN,)
SCOPE = Scope(
    narrows=False,
    enforces=False,
    instead="it is a list for people and other programs; what denies is made of it elsewhere",
    sessions="nothing changes for them",
)
COMMANDS = Commands(
    check="python3 -c 'import sys, yaml; yaml.safe_load(sys.stdin)' < allowlist.yaml",
    load="have the program read it",
    replace="write it beside the old one and rename it",
    rollback="rename the old one back",
)
PROOF = TargetProof(schema="YAML as PyYAML reads it, and the JSON Schema in the tests")
SOURCES = (Source(where="https://yaml.org/spec/1.2.2/", read="2026-11-23"),)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """A row for each endpoint."""
    return {"rows": rows(lowered, endpoints)}

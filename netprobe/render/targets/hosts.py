"""A plain list: one host pattern a line, for whatever has no target of its own, and for reading back.

It is a document: it enforces nothing, and what a device makes of an asterisk is the device's affair. A pattern stands
here as AWS means it, the asterisk inside its label; many devices that import lists take ``*.x`` for any depth, as
``netprobe render hosts --compare`` does when it reads such a list. Ports are told in the header only.
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

NAME = "hosts"
TITLE = "a plain list of names and patterns"
LAYER = Layer.DOCUMENT
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.GLOB}),
    ports=False,
    default_action="nothing by itself: a list allows and denies nothing until a device uses it",
)
MAIN = File(name="hosts.txt", template="hosts.txt.j2")
FILES = (MAIN,)
SCOPE = Scope(
    narrows=False,
    enforces=False,
    instead="it is a list for people and other programs; what denies is made of it elsewhere",
    sessions="nothing changes for them",
)
COMMANDS = Commands(
    check="",
    load="give it to the device that reads lists, after reading what that device makes of an asterisk",
    replace="as the device that reads it does",
    rollback="as the device that reads it does",
)
PROOF = TargetProof(grammar="one host pattern a line, # begins a comment; read back by netprobe's own reader of lists")
SOURCES = (
    Source(
        where="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-anywhere.html (what the asterisk means)",
        read="2026-11-23",
    ),
)
context = plain_context

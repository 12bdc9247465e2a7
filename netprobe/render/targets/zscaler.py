"""Zscaler Internet Access: one custom URL category.

``.name`` stands for the name itself and up to five levels beneath it; a name without the dot for itself alone. An
asterisk is no wildcard here: it would be a character that no name has. Lower case, no scheme, a host of at most 255
characters. There are at most 64 custom categories, so everything goes into one, and a category knows no ports. By
default Cloud App Control comes before URL filtering, and what it allows is **never asked here**: the page says so.

JSON has no comments, so ``netprobe.json`` tells about itself beside the category; ``netprobe-category.json`` is what
the API takes, ``netprobe-urls.txt`` what the page of the category takes. It cannot be run here: the tests hold all
three to the documented URL format with a reader of their own.
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

NAME = "zscaler"
TITLE = "Zscaler Internet Access (custom URL category)"
LAYER = Layer.CONNECT
COMMENT = Comment.NONE
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.SUBTREE}),
    subtree_depth=5,
    ports=False,
    max_entries=25_000,
    max_name_length=254,
    default_action="blocked by the second rule of the page, for the location of the hosts",
)
MAIN = File(name="netprobe.json", template="netprobe.json.j2")
FILES = (
    MAIN,
    File(name="netprobe-category.json", template="category.json.j2"),
    File(name="netprobe-urls.txt", template="urls.txt.j2"),
)
SCOPE = Scope(
    narrows=False,
    enforces=False,
    instead="it is a list for people and other programs; what denies is made of it elsewhere",
    sessions="nothing changes for them",
)
COMMANDS = Commands(
    check="",
    load="POST netprobe-category.json to /api/v1/urlCategories, then POST /api/v1/status/activate",
    replace="PUT netprobe-category.json to /api/v1/urlCategories/ID, then POST /api/v1/status/activate",
    rollback="PUT the old netprobe-category.json, then activate",
)
PROOF = TargetProof(grammar="Zscaler URL format guidelines")
SOURCES = (
    Source(where="https://help.zscaler.com/zia/url-format-guidelines", read="2026-11-23"),
    Source(where="https://help.zscaler.com/zia/how-do-i-configure-url-filtering-policy", read="2026-11-26"),
    Source(where="https://help.zscaler.com/zia/configuring-custom-url-categories", read="2026-11-23"),
)
context = plain_context

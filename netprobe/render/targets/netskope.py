"""Netskope Secure Web Gateway: two URL lists, one of exact names, one of regular expressions.

A list has a type, ``exact`` or ``regex``. In an exact list a name stands for its host alone, ``*.name`` for
everything beneath it, and by the newer pages for the name too; the older page says otherwise, so no wildcard is
written. Where an expression is looked for, and whether a scheme or a path stands around the host, what was read does
not say: every expression marks both ends, and allows a scheme in front and a port or path behind, so it fits the host
in each of these readings and nothing else.

Lists become a custom category, and categories the criterion of Real-time Protection policies, which only the site
knows: this is the lists alone. ``netprobe.json`` tells about itself; the other files are what the API takes. It
cannot be run here: the tests hold all to the documented format with a reader of their own.
"""

from __future__ import annotations

from netprobe.render.model import (
    Commands,
    Comment,
    DeviceCapability,
    Dialect,
    File,
    Form,
    Layer,
    Lowered,
    Scope,
    Source,
    TargetProof,
    plain_context,
)


def _has_exact(lowered: Lowered) -> bool:
    return lowered.has(Form.EXACT)


def _has_regex(lowered: Lowered) -> bool:
    return lowered.has(Form.REGEX)


NAME = "netskope"
TITLE = "Netskope Secure Web Gateway (URL lists)"
LAYER = Layer.SNI
COMMENT = Comment.NONE
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.REGEX}),
    regex=Dialect.PCRE,
    ports=False,
    default_action="blocked by the second policy of the page, for the hosts",
)
MAIN = File(name="netprobe.json", template="netprobe.json.j2")
FILES = (
    MAIN,
    File(name="netprobe-exact.json", template="exact.json.j2", when=_has_exact),
    File(name="netprobe-regex.json", template="regex.json.j2", when=_has_regex),
)
SCOPE = Scope(
    narrows=False,
    enforces=False,
    instead="these are lists for policies of yours; what denies, and for whom, is made of them elsewhere",
    sessions="nothing changes for them",
)
COMMANDS = Commands(
    check="",
    load="POST netprobe-exact.json and netprobe-regex.json to /api/v2/policy/urllist, then POST to "
    "/api/v2/policy/urllist/deploy",
    replace="PUT them to /api/v2/policy/urllist/ID, then deploy",
    rollback="PUT the old ones, then deploy",
)
PROOF = TargetProof(grammar="Netskope URL list formats")
SOURCES = (
    Source(where="https://docs.netskope.com/en/url-lists/", read="2026-11-29"),
    Source(where="https://docs.netskope.com/en/url-list-best-practices.html", read="2026-11-29"),
    Source(where="https://docs.netskope.com/en/create-custom-categories.html", read="2026-11-29"),
)
context = plain_context

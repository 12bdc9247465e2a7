"""Juniper SRX: local web filtering with a URL pattern list, used by global policies.

Decides on the server name or the Host header. From Junos 20.4R1: ``*`` stands for any number of whole words at the
head, none included (so ``*.x`` is x and everything beneath it); ``^`` for exactly one whole word; ``?`` for one
character at the tail. A star inside a word only draws a warning at commit, and then matches nothing. Earlier releases
need ``http://`` before each pattern, and do not know ``^``.

A list takes 8192 patterns. Global policies are asked after those between zones, so a broad zone policy must not stand
before them. Every fallback blocks. ``dns-name`` addresses of the exact names come as a second file, for policies of
your own. It cannot be run here: the tests read the commands with a reader of their own.
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

NAME = "juniper-srx"
TITLE = "Juniper SRX (local web filtering)"
LAYER = Layer.SNI
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.ONE_LABEL, Form.SUBTREE}),
    max_entries=8192,
    default_action="blocked by the profile's default, and every other session of the address set netprobe-hosts on the "
    "ports named above by the policy netprobe-deny",
)


def _has_exact(lowered: Lowered) -> bool:
    return lowered.has(Form.EXACT)


MAIN = File(name="netprobe.set", template="netprobe.set.j2")
FILES = (MAIN, File(name="netprobe-addresses.set", template="netprobe-addresses.set.j2", when=_has_exact))
SCOPE = Scope(
    additive=False,
    instead="a policy that reads names decides about every session it meets, so it denies the rest: add --enforce with "
    "--source, or name the address objects of netprobe-addresses in a policy of yours",
    clients="the address set netprobe-hosts, which is made from --source",
    sessions="they stay open unless policy-rematch is set",
)
COMMANDS = Commands(
    check="commit check",
    load="load set terminal, paste netprobe.set, then: commit confirmed 5, commit",
    replace="the same: the old list is deleted first, and nothing takes effect before commit",
    rollback="rollback 1, commit",
)
PROOF = TargetProof(grammar="Junos set commands and URL pattern rules (20.4R1)")
SOURCES = (
    Source(
        where="https://www.juniper.net/documentation/us/en/software/junos/cli-reference/topics/ref/statement/"
        "security-edit-url-pattern.html",
        read="2026-11-23",
    ),
    Source(
        where="https://www.juniper.net/documentation/us/en/software/junos/utm/topics/concept/"
        "utm-web-filtering-overview.html (licence), junos-security10.2 topic-44576 (8192 patterns)",
        read="2026-11-26",
    ),
)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """The exact names as address objects, once each (two ports share one)."""
    named = (Named.of(entry) for entry in lowered.entries if entry.form is Form.EXACT)
    return {"objects": tuple({one.name: one for one in named}.values())}

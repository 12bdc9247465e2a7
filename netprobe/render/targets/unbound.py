"""Unbound: which names resolve, by local zones alone.

``local-zone: "." refuse`` denies every name, ``local-zone: "x." transparent`` gives back ``x`` and everything beneath
it: there is no exact form and no form without the name itself. An asterisk is a literal label here, accepted without
a word and never matched, so none is written. ``rpz-unbound`` is more exact and should be preferred.

``refuse`` is what denies: with ``static`` or ``redirect`` other data for the root could still answer. Unbound's own
zones (``localhost.``, ``test.``, ``invalid.``, the reverse zones of private networks) stay what they are, as does any
``local-zone`` of the site, since the closest zone decides; so a site's ``transparent`` zone stays open.

It decides about names only: a client that knows an address, or asks another resolver, goes around it.
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

NAME = "unbound"
TITLE = "Unbound (local zones)"
LAYER = Layer.DNS
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.SUBTREE}),
    ports=False,
    default_action="refused (REFUSED); local zones of the site stay what they are, a view (--source) has none of them",
)
MAIN = File(name="netprobe.conf", template="netprobe.conf.j2")
FILES = (MAIN,)
SCOPE = Scope(
    narrows=False,
    clients="access-control-view",
    sessions="a connection needs no name any more once it is open, so it stays open",
)
COMMANDS = Commands(
    check="unbound-checkconf",
    load="put it to /etc/unbound/unbound.conf.d/netprobe.conf, then: unbound-checkconf && unbound-control reload",
    replace="rename the new file into place, then: unbound-checkconf && unbound-control reload",
    rollback="rename the old file into place, then: unbound-checkconf && unbound-control reload",
)
PROOF = TargetProof(engine="unbound 1.17.1 (Debian 12)")
SOURCES = (
    Source(where="unbound 1.17.1-2+deb12u4, run on loopback of a network namespace", read="2026-11-23"),
    Source(where="https://unbound.docs.nlnetlabs.nl/en/latest/manpages/unbound.conf.html", read="2026-11-23"),
)
context = plain_context

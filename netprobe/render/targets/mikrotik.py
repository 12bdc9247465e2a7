"""MikroTik RouterOS 7: address lists of names that the router itself resolves, and a chain that asks them.

An entry of ``/ip firewall address-list`` is an address or an exact DNS name, which RouterOS resolves with its own
resolver (``/ip dns``) and keeps by dynamic entries beside it, for as long as the answer lives; ``/ipv6 firewall`` has
lists of its own. There is no wildcard. So the hosts must ask the router (or the same resolver), or answers that differ
are refused now and then.

``tls-host``, a glob for the server name, is not used: the packets before a ClientHello must have passed already, so it
can only deny what was let through by another rule.

The rules are a chain of their own, which returns at its end: which place in the forward chain stands behind what
accepts established connections and in front of what denies, only the site knows. So the jump is left to the operator.
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

NAME = "mikrotik"
TITLE = "MikroTik RouterOS 7 (address lists of names)"
LAYER = Layer.DNS_TO_IP
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT}),
    max_name_length=253,
    default_action="rejected on the endpoints' ports (TCP and UDP)",
)
MAIN = File(name="netprobe.rsc", template="netprobe.rsc.j2")
FILES = (MAIN,)
SCOPE = Scope(
    clients="the address list netprobe-hosts, which is made from --source",
    sessions="they stay open where a rule of yours accepts established connections first, as the default "
    "configuration's does",
)
COMMANDS = Commands(
    check="",
    load="put netprobe.rsc on the router, /import netprobe.rsc, add the jump (see the page)",
    replace="the same: the old lists and rules are removed first; do it in safe mode",
    rollback="remove the jump, then the chain and the lists (the page has the lines); in safe mode: Ctrl-D",
)
PROOF = TargetProof(grammar="RouterOS console commands of /ip and /ipv6 firewall, by MikroTik's pages")
SOURCES = (
    Source(where="https://help.mikrotik.com/docs/display/ROS/Address-lists", read="2026-11-29"),
    Source(where="https://help.mikrotik.com/docs/spaces/ROS/pages/37748767/DNS", read="2026-11-29"),
)
context = plain_context

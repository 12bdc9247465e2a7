"""Privoxy: who may CONNECT where, by its own patterns, whose asterisk stays inside a label.

Decides on the name and port in the client's request. ``{ +block }`` on ``/`` denies everything, and ``{ -block }`` on
each pattern takes it back. A pattern without dots at its ends is anchored on both sides; ``*`` stands for any number
of characters of one label, none included. Traps, seen on Privoxy 3.0.34:

- ``.name`` would admit the name and everything beneath it, so no pattern begins with a dot;
- a later action file, or a later section, overrides an earlier one: the file must be the last ``actionsfile``;
- **without** ``enforce-blocks 1`` whoever puts ``PRIVOXY-FORCE`` before a path goes around every block over plain
  HTTP, and with ``enable-remote-toggle 1`` whoever opens a page turns it off: the output holds a config that says both;
- ``--config-test`` ends with 0 for an unknown directive, which is then ignored.
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

NAME = "privoxy"
TITLE = "Privoxy"
LAYER = Layer.CONNECT
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.GLOB}),
    empty_star=True,
    default_action="denied (403)",
)
MAIN = File(name="netprobe.action", template="netprobe.action.j2")
FILES = (File(name="config", template="config.j2", enforces=True), MAIN)
SCOPE = Scope(
    narrows=False,
    every_port=True,
    instead="give --every-client, or use squid, which tells clients apart",
    sessions="they stay open: Privoxy reads its files again at the next request",
)
COMMANDS = Commands(
    check="privoxy --config-test FILE 2>&1 | grep -Ei 'ignoring|error|fatal' && echo 'do not load it'",
    load="put both files into /etc/privoxy, then: systemctl restart privoxy",
    replace="rename the new netprobe.action into place; Privoxy reads it at the next request",
    add="put netprobe.action into /etc/privoxy and name it as the last actionsfile of config",
    remove="take the actionsfile line out again",
    rollback="rename the old netprobe.action back",
)
PROOF = TargetProof(engine="privoxy 3.0.34 (Debian 12)")
SOURCES = (
    Source(where="privoxy 3.0.34-1, run on loopback", read="2026-11-23"),
    Source(where="https://www.privoxy.org/user-manual/actions-file.html", read="2026-11-23"),
)
context = plain_context

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

from collections.abc import Mapping

from netprobe.catalog.model import Endpoint
from netprobe.render.model import (
    Capability,
    Commands,
    Comment,
    File,
    Form,
    Layer,
    Lowered,
    Proof,
    Source,
)

NAME = "privoxy"
TITLE = "Privoxy"
LAYER = Layer.CONNECT
COMMENT = Comment.HASH
CAPABILITY = Capability(
    forms=frozenset({Form.EXACT, Form.GLOB}),
    empty_star=True,
    strips_trailing_dot=True,
    default_action="denied (403) for every client, plain HTTP too",
)
MAIN = File(name="netprobe.action", template="netprobe.action.j2")
FILES = (File(name="config", template="config.j2"), MAIN)
COMMANDS = Commands(
    check="privoxy --config-test FILE 2>&1 | grep -Ei 'ignoring|error|fatal' && echo 'do not load it'",
    load="put both files into /etc/privoxy, then: systemctl restart privoxy",
    replace="rename the new netprobe.action into place; Privoxy reads it at the next request",
    rollback="rename the old netprobe.action back",
)
PROOF = Proof(engine="privoxy 3.0.34 (Debian 12)")
SOURCES = (
    Source(where="privoxy 3.0.34-1, run on loopback", read="2026-11-23"),
    Source(where="https://www.privoxy.org/user-manual/actions-file.html", read="2026-11-23"),
)


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...]) -> Mapping[str, object]:
    """Nothing beyond the rules."""
    return {}

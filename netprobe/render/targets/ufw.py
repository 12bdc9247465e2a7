"""ufw: a script of ufw commands, since ufw has no file of rules that another program may write.

Knows addresses only: ``ufw`` refuses a name ("Bad destination address"), and it has no sets, so each address is a rule.
The first rule that fits decides, so appending fails open beside a rule such as ``allow out 443``; and ufw passes over a
command whose addresses, port and protocol stand in a rule already, **even if that one allows and the command refuses**
(seen with 0.36.2); a ``delete`` takes a rule of the site's that has the same words. So the script puts its rules to the
front, the refusals first and what is admitted before them, and has words that no rule of a site says: everything is
refused in halves of the address space, an admitted port stands twice (``443,443``). It takes each rule out before it
puts it in, and at last takes out its own that are not wanted any more, which it knows by their comment.

It governs what this host itself sends to the endpoints' ports; connections that are open go on, as does loopback.
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

NAME = "ufw"
TITLE = "ufw (a script of commands)"
LAYER = Layer.IP
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.ADDRESS}),
    default_action="refused (TCP reset, ICMP) on the ports named above; "
    "other ports and forwarded packets are not touched",
)
MAIN = File(name="netprobe-ufw.sh", template="netprobe-ufw.sh.j2")
FILES = (MAIN,)
SCOPE = Scope(
    narrows=False,
    own_host=True,
    instead="use nftables or iptables, which tell the hosts apart on a router",
    sessions="they stay open: ufw admits established ones first",
)
COMMANDS = Commands(
    check="sh netprobe-ufw.sh check (each command with ufw --dry-run)",
    load="sh netprobe-ufw.sh add, and ufw must be active: ufw enable",
    replace="sh netprobe-ufw.sh add, of the new script (rule by rule; until it is done less is admitted)",
    rollback="sh netprobe-ufw.sh add, of the old script; to be without it: sh netprobe-ufw.sh remove",
)
PROOF = TargetProof(engine="ufw 0.36.2 with iptables 1.8.9 (Debian 12)")
SOURCES = (
    Source(where="ufw 0.36.2, dry and in a network namespace", read="2026-11-23"),
    Source(where="https://manpages.debian.org/bookworm/ufw/ufw.8.en.html", read="2026-11-23"),
)
context = plain_context

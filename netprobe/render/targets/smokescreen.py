"""Smokescreen (Stripe's egress proxy): which names CONNECT and plain requests may go to, by its ACL file.

An entry is a name, or ``*.name`` for everything beneath it at any depth, not the name itself; an asterisk anywhere else
makes it refuse to start. Upper case and trailing dots are taken away on both sides before they are compared; names must
stand in the file in their normal form. The port of a request is not looked at. Addresses that are not global unicast
are refused whatever the list says (``--allow-range`` opens them).

``global_allow_list`` is asked for every role after the role's own list and ``global_deny_list``: that is where the form
goes that only allows. What denies is the rule of a role; a client's role is in its certificate, which no address tells,
so the form that denies is the rule ``default``, for every client that has no rule of its own.

The file is read when Smokescreen starts, and never again.
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

NAME = "smokescreen"
TITLE = "Smokescreen (ACL file)"
LAYER = Layer.CONNECT
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.SUFFIX}),
    ports=False,
    default_action="refused (407) for every role that has no rule of its own",
)
MAIN = File(name="netprobe.yaml", template="netprobe.yaml.j2")
FILES = (MAIN,)
SCOPE = Scope(
    sessions="a restart ends them after --exit-timeout",
)
COMMANDS = Commands(
    check="",
    load="smokescreen --egress-acl-file netprobe.yaml, as your service runs it",
    replace="rename the new file into place, then restart Smokescreen",
    add="put the entries beneath global_allow_list of your ACL file, then restart Smokescreen",
    remove="take the entries out again, then restart Smokescreen",
    rollback="rename the old file back, then restart Smokescreen",
)
PROOF = TargetProof(grammar="Smokescreen's acl/v1 (loader, validation, matching) as its source has it")
SOURCES = (
    Source(where="https://github.com/stripe/smokescreen (pkg/smokescreen/acl/v1, commit a3294a6)", read="2026-11-28"),
)
context = plain_context

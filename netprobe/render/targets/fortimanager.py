"""Fortinet FortiManager: the lists and policies of ``fortios``, as a CLI script for a policy package.

Where FortiGates are managed, what is typed on one of them is overwritten by the next install of its policy package. A
script of the type "Policy Package or ADOM Database" takes FortiOS's own syntax and changes the package; nothing
reaches a FortiGate before the package is installed. So the lines are those of the target ``fortios``, and what they
mean on the device that decides is told in ``netprobe.render.targets.fortios``.

A package with central NAT refuses ``nat`` in a policy: its page says what to take out.

It cannot be run here: the tests read the blocks as FortiOS does, and hold every table, field and choice to those that
the vendor's collection for FortiManager declares.
"""

from __future__ import annotations

from netprobe.render.model import Commands, Comment, File, Scope, Source, TargetProof
from netprobe.render.targets import fortios

NAME = "fortimanager"
TITLE = "Fortinet FortiManager (CLI script for a policy package, static URL filter)"
LAYER = fortios.LAYER
COMMENT = Comment.HASH
CAPABILITY = fortios.CAPABILITY
MAIN = File(name="netprobe.script", template=fortios.MAIN.template, folder=fortios.NAME)
FILES = (MAIN,)
SCOPE = Scope(
    additive=False,
    instead=fortios.SCOPE.instead.partition(", or name")[0],
    clients=fortios.SCOPE.clients,
    sessions=fortios.SCOPE.sessions.replace("a policy change", "the install"),
)
COMMANDS = Commands(
    check="the preview of the install wizard, which shows what each FortiGate would get",
    load="a CLI script, run on the policy package (not on devices), move its policies, then install the package",
    replace="the same: no FortiGate changes before the package is installed",
    rollback="revert the ADOM to the revision before it, and install again",
)
PROOF = TargetProof(
    schema="tables, fields and choices of fortinet.fortimanager 2.11.0",
    grammar="FortiOS configuration blocks, quoting and URL filter entries",
)
SOURCES = (
    *fortios.SOURCES,
    Source(
        where="https://community.fortinet.com/fortimanager-27/technical-tip-cli-script-behavior-to-run-in-fortimanager-178997",
        read="2026-11-29",
    ),
    Source(
        where="https://docs2.fortinet.com/document/fortimanager/6.0.4/administration-guide/454291/script-syntax",
        read="2026-11-29",
    ),
    Source(where="fortinet.fortimanager Ansible collection 2.11.0 (in ansible 12.3.0)", read="2026-11-29"),
)
context = fortios.context

"""Skyhigh Secure Web Gateway (once McAfee Web Gateway): a list of wildcard expressions for ``URL.Host``.

An entry of a wildcard expression list is a glob, or ``regex(…)`` with a regular expression (no page that could be read
spells that word out, so ours asks to try one entry first); "Add multiple" takes one a line. A glob's asterisk also
crosses dots, so patterns are written as expressions, with both ends marked. An entry without a wildcard is one name. A
rule uses the list with ``URL.Host matches in list``; the property is the host of the request, of CONNECT for TLS, and
knows no port.

The rules themselves stand in rule sets that only the site knows, so this is the list alone, for a rule that allows
and one that blocks: the page says which. It cannot be run here: the tests read the list with a reader of their own.
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
    Scope,
    Source,
    TargetProof,
    plain_context,
)

NAME = "skyhigh"
TITLE = "Skyhigh Secure Web Gateway (wildcard expression list)"
LAYER = Layer.CONNECT
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    forms=frozenset({Form.EXACT, Form.REGEX}),
    regex=Dialect.PCRE,
    ports=False,
    default_action="blocked by the second rule of the page, for the addresses of the hosts",
)
MAIN = File(name="netprobe-hosts.txt", template="hosts.txt.j2")
FILES = (MAIN,)
SCOPE = Scope(
    narrows=False,
    enforces=False,
    instead="it is a list for rules of yours; what denies, and for whom, is made of it elsewhere",
    sessions="nothing changes for them",
)
COMMANDS = Commands(
    check="",
    load="grep -v '^#' netprobe-hosts.txt, paste it under Add multiple of a wildcard expression list, save the changes",
    replace="the same, after the old entries are taken out of the list",
    rollback="put the old entries into the list, save the changes",
)
PROOF = TargetProof(grammar="Skyhigh wildcard expressions")
SOURCES = (
    Source(
        where="https://success.skyhighsecurity.com/Skyhigh_Secure_Web_Gateway_(On_Prem)/Lists/Working_with_Lists/"
        "Add_a_Wildcard_Expression_to_a_Global_Allow_List_for_URLs",
        read="2026-11-29",
    ),
    Source(
        where="https://success.myshn.net/Skyhigh_Secure_Web_Gateway_(On_Prem)/URL_Filtering/"
        "Best_Practices_-_Use_URL_Properties_to_Whitelist_Web_Objects",
        read="2026-11-29",
    ),
    Source(
        where="https://community.mcafee.com (Web Gateway: Understanding URL related Properties, ta-p/554021)",
        read="2026-11-29",
    ),
)
context = plain_context

"""Windows Defender Firewall: dynamic keyword addresses, made by a PowerShell script.

Windows learns the addresses of a keyword from DNS answers that it sees. That needs Defender 4.18.2209.7 or later with
network protection in block mode or in audit mode, and no DNS over HTTPS; the first packets of a connection may be
dropped while it learns.
``*.name`` is documented for hosts, without a word on its depth, so the claim is every depth; a star inside a label is
documented nowhere and never written.

An allowing rule means nothing while outbound traffic is allowed by default, which is how Windows comes. So with
``--enforce`` the script makes blocking the default, *last*: only if Windows can fill keywords at all (build 20348 or
later; network protection enabled, and on Windows Server allowed, where it is off by default), if every required name
has an address, if it is called with ``-Enforce``, and once a task is scheduled that brings the saved policy back after
ten minutes. Rules and keywords have names of their own and are replaced. All strings are in single quotes, in which
PowerShell expands nothing. It cannot be run here: the tests parse the script with a PowerShell grammar and read its
commands.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from netprobe import natural
from netprobe.catalog.model import Endpoint
from netprobe.render import text
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
from netprobe.render.text import Text

NAME = "windows-firewall"
TITLE = "Windows Defender Firewall (PowerShell)"
LAYER = Layer.DNS_TO_IP
COMMENT = Comment.HASH
CAPABILITY = DeviceCapability(
    beyond=("until a name has an address its first packets are dropped; an address stays until it is resolved again",),
    forms=frozenset({Form.EXACT, Form.SUFFIX, Form.ADDRESS}),
    default_action="blocked by the default outbound action of every profile, which the script sets; rules of your own "
    "that allow more stay in force",
)
MAIN = File(name="netprobe.ps1", template="netprobe.ps1.j2")
FILES = (MAIN,)
SCOPE = Scope(
    narrows=False,
    own_host=True,
    sessions="outbound connections that the new rules do not allow are cut",
)
COMMANDS = Commands(
    check="",
    load="powershell -ExecutionPolicy Bypass -File netprobe.ps1 -Enforce (elevated; without it nothing is blocked)",
    add="powershell -ExecutionPolicy Bypass -File netprobe.ps1 (elevated)",
    replace="the same: the old rules are replaced while outbound traffic stays blocked",
    rollback=r'netsh advfirewall import "$env:ProgramData\netprobe-before.wfw" (PowerShell, elevated)',
)
PROOF = TargetProof(grammar="PowerShell (tree-sitter's grammar) and the parameters of the NetSecurity cmdlets")
SOURCES = (
    Source(
        where="https://github.com/MicrosoftDocs/windows-itpro-docs (windows-firewall/dynamic-keywords.md, 036c980)",
        read="2026-11-29",
    ),
    Source(
        where="https://github.com/MicrosoftDocs/windows-powershell-docs (scheduledtasks/New-ScheduledTaskTrigger.md)",
        read="2026-11-29",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyword:
    """A dynamic keyword; its identifier follows from the name alone, so that loading again replaces it."""

    id: Text
    keyword: Text


def context(lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
    """Every keyword once, those that must have an address, and for each port the identifiers of its keywords."""
    values = [entry for entry in lowered.entries if entry.form is not Form.ADDRESS]
    keywords = {_value(entry.form, entry.value) for entry in values}
    must = {endpoint.pattern for endpoint in endpoints if endpoint.required and endpoint.host_pattern.is_exact}
    named = tuple(Keyword(id=_id(one), keyword=one) for one in natural.ordered(keywords))
    return {
        "keywords": named,
        "needed": tuple(one for one in named if one.keyword in must),
        "by_port": {
            port: tuple(_id(_value(entry.form, entry.value)) for entry in values if entry.port == port)
            for port in sorted({entry.port for entry in lowered.entries})
        },
    }


def _value(form: Form, value: str) -> Text:
    return text.name(f"*.{value}" if form is Form.SUFFIX else value)


def _id(keyword: Text) -> Text:
    return text.words(str(uuid.uuid5(uuid.NAMESPACE_DNS, f"netprobe.{keyword}")))

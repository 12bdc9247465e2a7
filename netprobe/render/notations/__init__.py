"""The same rules in the language of a tool: which targets have a Terraform or an Ansible form, and a target in it.

A notation is another template over the entries that a target's lowering made: losses, header and policy are the
target's. ``render.targets`` knows nothing of it, so a render without ``--as`` imports nothing of it. The command line
and the pages may import it; it decides nothing about what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from netprobe.catalog.model import Endpoint
from netprobe.errors import UsageError
from netprobe.render.model import Comment, Lowered, Notation, Policy, Target, Tool
from netprobe.render.notations import ansible, terraform
from netprobe.render.notations.typed import typed

TABLES: Mapping[Tool, Mapping[str, Notation]] = {
    Tool.TERRAFORM: terraform.NOTATIONS,
    Tool.ANSIBLE: ansible.NOTATIONS,
}
_TITLES = {Tool.TERRAFORM: "Terraform", Tool.ANSIBLE: "Ansible"}


def of(target: str) -> dict[Tool, Notation]:
    """The notations of a target, by tool."""
    return {tool: table[target] for tool, table in TABLES.items() if target in table}


def noted(target: Target, tool: str) -> Target:
    """The target with another notation's files, commands and proof.

    Raises:
        UsageError: there is no such tool, or the target has no form for it.
    """
    known = of(target.NAME)
    if tool not in list(Tool):
        raise UsageError(f"--as {tool}", "there is no such form", f"use one of {', '.join(Tool)}")
    if Tool(tool) not in known:
        having = ", ".join(sorted(TABLES[Tool(tool)]))
        raise UsageError(f"--as {tool}", f"{target.NAME} has no such form", f"these have: {having}")
    return cast(Target, _Noted(target, Tool(tool), known[Tool(tool)]))


class _Noted:
    """A target, but for what its notation says."""

    COMMENT = Comment.HASH
    """Of both languages, HCL and YAML."""

    def __init__(self, target: Target, tool: Tool, notation: Notation) -> None:
        self._target = target
        self.TITLE = f"{target.TITLE}, as {_TITLES[tool]} ({notation.title})"
        self.MAIN, self.FILES = notation.main, notation.files
        self.COMMANDS, self.PROOF, self.SOURCES = notation.commands, notation.proof, notation.sources
        self._lines = notation.lines

    def context(self, lowered: Lowered, endpoints: tuple[Endpoint, ...], policy: Policy) -> Mapping[str, object]:
        """The target's own variables; and the lines of its own file, where the tool is one that types them."""
        own = self._target.context(lowered, endpoints, policy)
        if self._lines is None:
            return own
        return {**own, **typed(self._target, self._lines, lowered, endpoints, policy)}

    def __getattr__(self, name: str) -> object:
        return getattr(self._target, name)


def section(target: str) -> str:
    """The part of a target's page about its notations, which begins with an empty line; nothing where it has none."""
    parts = (part for tool, notation in of(target).items() for part in _section(target, tool, notation))
    return "".join(f"{part}\n" for part in parts)


def _section(target: str, tool: Tool, notation: Notation) -> Iterator[str]:
    from netprobe.render import forms  # late: a render needs no page

    yield ""
    yield f"## As {_TITLES[tool]}"
    yield ""
    yield f"The same rules for {notation.title}:"
    yield ""
    yield f"    netprobe render {target} --as {tool} -r us-east-2 -o {notation.main.name}"
    yield ""
    commands = notation.commands
    told = (("Check", commands.check), ("Load", commands.load), ("Roll back", commands.rollback))
    yield from map(forms.item, notation.needs)
    yield from (forms.item(f"{word}: {said}.") for word, said in told)
    yield forms.item(f"Proof: {notation.proof.kind} ({notation.proof.by}).")

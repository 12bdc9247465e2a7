"""Which forms a target has, for whom it can deny, and what becomes of open connections; part of every target's page.

Said once here, from what the target declares, so that page, header and ``netprobe targets`` never differ.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from netprobe.render.model import DeviceCapability, ProofKind, Scope, TargetProof


def section(scope: Scope, capability: DeviceCapability, proof: TargetProof) -> str:
    """The part of a target's page that stands before ``Load``."""
    lines = map(item, (*_items(scope, capability), _proven(proof)))
    return "\n".join(("## What it does to whom", "", *lines, "", ""))


def item(text: str) -> str:
    """One item of a list, in lines of the page's width."""
    return textwrap.fill(text, 118, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)


def _proven(proof: TargetProof) -> str:
    """How far the claims of the page are proven; what was only read is to be tried before it is trusted."""
    said = f"Proof: {proof.kind} ({proof.by})."
    return said if proof.kind is ProofKind.RUN else f"{said} Try it on a device of yours before it counts."


def _items(scope: Scope, capability: DeviceCapability) -> Iterator[str]:
    if not scope.enforces:
        yield f"It has one form, which denies nothing: {scope.instead}."
        return
    if scope.additive:
        narrow = " `--source` limits what is allowed to your hosts." if scope.narrows else ""
        yield f"As it comes it only allows: what your rules deny stays denied, what they allow stays allowed.{narrow}"
    else:
        yield f"It has no form that only allows: {scope.instead}."
    yield f"With `--enforce` everything else is {capability.default_action}. {_whom(scope)}"
    yield f"Connections that are open when it is loaded: {scope.sessions}."
    yield (
        "`--name` gives its objects, lists and files another stem than `netprobe`, so that no render takes another's "
        "place. It must be a name that your device has not got yet. Two that deny do not add up: each denies to the "
        "same hosts what only the other allows, so render all regions together."
    )


def _whom(scope: Scope) -> str:
    """For whom the form that denies decides."""
    own = "for what this host itself sends"
    if scope.clients and scope.own_host:
        return f"That is {own}; with `--source` it is for those hosts, also on a router (by {scope.clients})."
    if scope.clients:
        return f"That is for the hosts in `--source` (by {scope.clients}), or with `--every-client` for everybody."
    if scope.own_host:
        return f"That is {own}."
    if scope.selector:
        return "That is for the workloads that it selects."
    return "It decides for every client and cannot tell them apart, so `--enforce` asks for `--every-client`."

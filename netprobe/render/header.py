"""What every output begins with: what it allows, for whom, from which facts, and every place where it is wider.

Sentences for people, put behind comment marks by the engine. The command is told without the names of the user's
folders, since the file travels.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from netprobe import __version__
from netprobe.catalog import age
from netprobe.catalog.model import Endpoint
from netprobe.render.model import Loss, LossKind, Lowered, Policy, Target
from netprobe.render.naming import stemmed
from netprobe.render.policy import form

FEW = 4
"""With more endpoints than this, their patterns would only repeat them."""
_ALL_WELL = "Losses: none; it admits exactly the names above."


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where an output comes from, as far as the same input always gives the same text.

    Attributes:
        command: the command that makes it again, normalised.
        catalog: the version of the facts, a day, and what else is to be said of them.
        made_at: RFC 3339, only where the user asked for a timestamp.
        notes: further sentences: a region that no AWS page confirms, the lock that was read.
        ways: by need, the options of the command by which it takes what is missing.
    """

    command: str
    catalog: str
    made_at: str = ""
    notes: tuple[str, ...] = ()
    ways: Mapping[str, str] = msgspec.field(default_factory=dict)


def header(
    target: Target, endpoints: Sequence[Endpoint], lowered: Lowered, origin: Origin, policy: Policy | None = None
) -> list[str]:
    """The lines of the header; the first says what the file does to whom."""
    wanted = policy or Policy()
    regions = ", ".join(dict.fromkeys(e.region for e in endpoints))
    groups = ", ".join(sorted({e.group for e in endpoints}))
    allowed = _allowed(endpoints, lowered)
    ports = sorted({e.port for e in allowed})
    made = f" at {origin.made_at}" if origin.made_at else ""
    return [
        form(target.SCOPE, wanted, ports),
        f"Amazon ECS Anywhere allowlist for {target.TITLE}",
        f"Made by netprobe {__version__}{made}; do not edit, render it again:",
        f"  {origin.command}",
        f"Facts: catalog {origin.catalog}{_age(origin)}",
        f"Regions: {regions}",
        f"Another region: {_another(wanted)}",
        f"Groups: {groups}",
        f"Allows: {len({(e.region, e.id) for e in allowed})} endpoints by {len(lowered.entries)} entries, "
        f"TCP port {', '.join(map(str, ports))}",
        *_to_whom(target, wanted),
        *_commands(target, wanted),
        *(f"Note: {note}" for note in origin.notes),
        *loss_lines(lowered.losses, origin.ways, lowered.beyond),
    ]


def _another(wanted: Policy) -> str:
    """What becomes of this file where another region is rendered a month later."""
    alone = "render it together with these; alone it takes this file's place"
    if wanted.enforce:
        return f"{alone}, and under another --name each file denies what only the other allows"
    return f"{alone}, unless it has another --name"


def _age(origin: Origin) -> str:
    """How old the facts were, where the file says when it was made: without that it would differ from day to day."""
    if not origin.made_at:
        return ""
    days = age.days(origin.catalog[:10], datetime.datetime.fromisoformat(origin.made_at).date())
    return f", {days} {'day' if days == 1 else 'days'} old"


def _to_whom(target: Target, wanted: Policy) -> Iterator[str]:
    """Who is allowed, what becomes of everything else, and of connections that are open."""
    scope = target.SCOPE
    if scope.clients and wanted.sources:
        yield f"For: {', '.join(wanted.sources)} ({scope.clients})"
    if not scope.enforces:
        yield f"Else: {stemmed(target.CAPABILITY.default_action, wanted.name)}"
        return
    if wanted.enforce:
        yield f"Else: {stemmed(target.CAPABILITY.default_action, wanted.name)}"
        if wanted.keep:
            yield f"Stays open: {', '.join(wanted.keep)}"
    yield f"Open connections: {stemmed(scope.sessions, wanted.name)}"


def _commands(target: Target, wanted: Policy) -> Iterator[str]:
    """What to type, under the names that the objects have in this file."""
    commands = target.COMMANDS
    load, rollback = commands.load, commands.rollback
    if not wanted.enforce:
        load, rollback = commands.add or load, commands.remove or rollback
    told = (("Check", commands.check), ("Load", load), ("Replace", commands.replace), ("Roll back", rollback))
    for word, command in told:
        if command:
            yield f"{word}: {stemmed(command, wanted.name)}"


def made_by(origin: Origin) -> str:
    """The same origin as one sentence, for formats whose only room for text is a field."""
    made = f" at {origin.made_at}" if origin.made_at else ""
    return "; ".join((f"netprobe {__version__}{made}", origin.command, f"catalog {origin.catalog}", *origin.notes))


def _allowed(endpoints: Sequence[Endpoint], lowered: Lowered) -> list[Endpoint]:
    """What is let through; an endpoint that was refused is not, and its port is not governed for its sake."""
    said = {origin for entry in lowered.entries for origin in entry.endpoints}
    return [endpoint for endpoint in endpoints if f"{endpoint.region}/{endpoint.id}" in said]


def loss_lines(losses: Sequence[Loss], ways: Mapping[str, str] | None = None, beyond: Sequence[str] = ()) -> list[str]:
    """Every loss in plain words; those with the same reason stand together.

    Args:
        losses: the losses.
        ways: by need, the options by which the command takes what is missing.
        beyond: what the device admits besides, whatever its rules say.
    """
    always = [f"  always: {sentence}" for sentence in beyond]
    if always and not losses:
        return ["Losses: none in the rules; the device itself:", *always]
    if not losses:
        return [_ALL_WELL]
    kinds = [kind for kind in LossKind if any(loss.kind is kind for loss in losses)]
    counts = ", ".join(f"{sum(loss.kind is kind for loss in losses)} {kind}" for kind in kinds)
    lines = [f"Losses: {counts}"]
    together: dict[tuple[LossKind, str, bool], list[Loss]] = {}
    for loss in losses:
        together.setdefault((loss.kind, loss.explanation, loss.exfiltration), []).append(loss)
    for (kind, explanation, exfiltration), group in together.items():
        mark = " (exfiltration)" if exfiltration else ""
        who = ", ".join(dict.fromkeys(_who(loss, among=len(group)) for loss in group))
        lines.append(f"  {kind}{mark}: {who}: {explanation}{remedies(group[0], ways)}")
    return [*lines, *always]


def remedies(loss: Loss, ways: Mapping[str, str] | None) -> str:
    """What the command takes to mend a loss, in brackets; nothing where it has no option for it."""
    known = [ways[need] for need in loss.needs if need in ways] if ways else []
    return f" ({'; '.join(known)})" if known else ""


def _who(loss: Loss, *, among: int) -> str:
    """The endpoint and its pattern; of many endpoints with one reason the pattern would only repeat it."""
    return loss.endpoint if among > FEW else f"{loss.endpoint} {loss.pattern}"

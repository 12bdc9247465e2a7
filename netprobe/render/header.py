"""What every output begins with: what it allows, for whom, from which facts, and every place where it is wider.

Sentences for people, put behind comment marks by the engine. The command is told without the names of the user's
folders, since the file travels.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from netprobe import __version__
from netprobe.catalog.model import Endpoint
from netprobe.render.model import Loss, LossKind, Lowered, Target

_FEW = 4
_ALL_WELL = "Losses: none; it admits exactly the names above."


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where an output comes from, as far as the same input always gives the same text.

    Attributes:
        command: the command that makes it again, normalised.
        catalog: the version of the facts.
        made_at: RFC 3339, only where the user asked for a timestamp.
        notes: further sentences: a region that no AWS page confirms, the lock that was read.
    """

    command: str
    catalog: str
    made_at: str = ""
    notes: tuple[str, ...] = ()


def header(target: Target, endpoints: Sequence[Endpoint], lowered: Lowered, origin: Origin) -> list[str]:
    """The lines of the header."""
    regions = ", ".join(dict.fromkeys(e.region for e in endpoints))
    groups = ", ".join(sorted({e.group for e in endpoints}))
    ports = ", ".join(str(port) for port in sorted({e.port for e in endpoints}))
    made = f" at {origin.made_at}" if origin.made_at else ""
    return [
        f"Amazon ECS Anywhere allowlist for {target.TITLE}",
        f"Made by netprobe {__version__}{made}; do not edit, render it again:",
        f"  {origin.command}",
        f"Facts: catalog {origin.catalog}",
        f"Regions: {regions}",
        f"Groups: {groups}",
        f"Allows: {len({(e.region, e.id) for e in endpoints})} endpoints by {len(lowered.entries)} entries, "
        f"TCP port {ports}",
        f"Else: {target.CAPABILITY.default_action}",
        *(f"Check: {target.COMMANDS.check}" for _ in range(bool(target.COMMANDS.check))),
        *(f"Replace: {target.COMMANDS.replace}" for _ in range(bool(target.COMMANDS.replace))),
        *(f"Roll back: {target.COMMANDS.rollback}" for _ in range(bool(target.COMMANDS.rollback))),
        *(f"Note: {note}" for note in origin.notes),
        *loss_lines(lowered.losses),
    ]


def made_by(origin: Origin) -> str:
    """The same origin as one sentence, for formats whose only room for text is a field."""
    made = f" at {origin.made_at}" if origin.made_at else ""
    return "; ".join((f"netprobe {__version__}{made}", origin.command, f"catalog {origin.catalog}", *origin.notes))


def loss_lines(losses: Sequence[Loss]) -> list[str]:
    """Every loss in plain words; those with the same reason stand together."""
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
        lines.append(f"  {kind}{mark}: {who}: {explanation}")
    return lines


def _who(loss: Loss, *, among: int) -> str:
    """The endpoint and its pattern; of many endpoints with one reason the pattern would only repeat it."""
    return loss.endpoint if among > _FEW else f"{loss.endpoint} {loss.pattern}"
